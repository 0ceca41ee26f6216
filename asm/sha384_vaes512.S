# sha384: SHA-512's compression of several messages side by side, AVX-512 [contract]
#   in   rdi job        2688 (one set) or 5312 bytes, 64-byte aligned; JOB_* below: hash values (8 words for 8 messages
#                       each, for each set), a pointer for each message, a count of blocks of 128 bytes (1 to 32)
#                       and of padding blocks (0 or 1), scratch
#        rsi constants  80 words: FIPS 180-4, section 4.2.3
#        rdx padding    80 words: those constants plus the schedule of the padding block
#        rcx order      64 bytes: turns each word's bytes round
#   out  the hash values of each message, after its blocks and then the padding block, if there is one
#   uses rax, rcx, rdx, rsi, r8-r11, zmm0-31; no stack, no calls; branches on the counts only;
#        prefetches the messages' next blocks
#   needs avx512f, avx512bw, avx
#   cost  a round of a set is 17 operations and 2 moves, its schedule 11 more. With two sets one's latency hides under the other's work:
#         56 operations, at 4 a cycle 14 cycles for 16 messages. The next block's words are put in order
#         under the last 16 rounds, which have no schedule to do.
#
#   assembly-time numbers: SETS = 1 or 2, JOB_STATE, JOB_LANES, JOB_BLOCKS, JOB_PADDING, JOB_WORDS           [map]
#   set 0: state zmm0-7, temporaries zmm8-11; set 1: zmm16-23, zmm24-27 | transposition zmm12-15, 28-30 | order zmm31
#   blocks rcx | words of this block r11, of the next r8 | its place in the messages r10 | rounds r9 | a message rax

# h and d after a round; t0 holds K + W.
.macro sha_round a, b, c, d, e, f, g, h, t1, t2, t3
                vprorq          zmm\t1, zmm\e, 14
                vprorq          zmm\t2, zmm\e, 18
                vprorq          zmm\t3, zmm\e, 41
                vpternlogq      zmm\t1, zmm\t2, zmm\t3, 0x96    # the large sigma of e
                vmovdqa64       zmm\t2, zmm\e
                vpternlogq      zmm\t2, zmm\f, zmm\g, 0xca      # Ch
                vpaddq          zmm\h, zmm\h, zmm\t2
                vpaddq          zmm\h, zmm\h, zmm\t1
                vpaddq          zmm\d, zmm\d, zmm\h
                vprorq          zmm\t1, zmm\a, 28
                vprorq          zmm\t2, zmm\a, 34
                vprorq          zmm\t3, zmm\a, 39
                vpternlogq      zmm\t1, zmm\t2, zmm\t3, 0x96    # the large sigma of a
                vmovdqa64       zmm\t2, zmm\a
                vpternlogq      zmm\t2, zmm\b, zmm\c, 0xe8      # Maj
                vpaddq          zmm\h, zmm\h, zmm\t1
                vpaddq          zmm\h, zmm\h, zmm\t2
.endm

# The word of round i, in its place, becomes that of round i + 16. t0: scratch.
.macro sha_schedule set, i, t0, t1, t2, t3
                vprorq          zmm\t1, [r11 + 1024 * \set + 64 * ((\i + 1) % 16)], 1
                vprorq          zmm\t2, [r11 + 1024 * \set + 64 * ((\i + 1) % 16)], 8
                vpsrlq          zmm\t3, [r11 + 1024 * \set + 64 * ((\i + 1) % 16)], 7
                vpternlogq      zmm\t1, zmm\t2, zmm\t3, 0x96
                vpaddq          zmm\t0, zmm\t0, [r11 + 1024 * \set + 64 * ((\i + 9) % 16)]
                vpaddq          zmm\t0, zmm\t0, zmm\t1
                vprorq          zmm\t1, [r11 + 1024 * \set + 64 * ((\i + 14) % 16)], 19
                vprorq          zmm\t2, [r11 + 1024 * \set + 64 * ((\i + 14) % 16)], 61
                vpsrlq          zmm\t3, [r11 + 1024 * \set + 64 * ((\i + 14) % 16)], 6
                vpternlogq      zmm\t1, zmm\t2, zmm\t3, 0x96
                vpaddq          zmm\t0, zmm\t0, zmm\t1
                vmovdqa64       [r11 + 1024 * \set + 64 * \i], zmm\t0
.endm

# Round i of a set on its words, which may be scheduled on.
.macro sha_step set, i, schedule, t0, t1, t2, t3, a, b, c, d, e, f, g, h
                vmovdqa64       zmm\t0, [r11 + 1024 * \set + 64 * \i]
                vpaddq          zmm\t1, zmm\t0, [rsi + 8 * \i]{1to8}
                vpaddq          zmm\h, zmm\h, zmm\t1
                sha_round       \a, \b, \c, \d, \e, \f, \g, \h, \t1, \t2, \t3
.if \schedule
                sha_schedule    \set, \i, \t0, \t1, \t2, \t3
.endif
.endm

# Round i of a set on the padding block.
.macro sha_padding_step set, i, schedule, t0, t1, t2, t3, a, b, c, d, e, f, g, h
                vpaddq          zmm\h, zmm\h, [rdx + 8 * \i]{1to8}
                sha_round       \a, \b, \c, \d, \e, \f, \g, \h, \t1, \t2, \t3
.endm

# Round i of every set: first the registers of set 0, then those of set 1.
.macro sha_sets step, i, schedule, a, b, c, d, e, f, g, h, j, k, l, m, n, o, p, q
                \step           0, (\i), \schedule, 8, 9, 10, 11, \a, \b, \c, \d, \e, \f, \g, \h
.if SETS == 2
                \step           1, (\i), \schedule, 24, 25, 26, 27, \j, \k, \l, \m, \n, \o, \p, \q
.endif
.endm

# 16 rounds, which come back to the state's registers; `between` 0 to 7 stands behind every second of them.
.macro sha_rounds step, schedule, between
.irp            i, 0, 8
                sha_sets        \step, (\i+0), \schedule, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
                sha_sets        \step, (\i+1), \schedule, 7, 0, 1, 2, 3, 4, 5, 6, 23, 16, 17, 18, 19, 20, 21, 22
                \between        (\i/2+0)
                sha_sets        \step, (\i+2), \schedule, 6, 7, 0, 1, 2, 3, 4, 5, 22, 23, 16, 17, 18, 19, 20, 21
                sha_sets        \step, (\i+3), \schedule, 5, 6, 7, 0, 1, 2, 3, 4, 21, 22, 23, 16, 17, 18, 19, 20
                \between        (\i/2+1)
                sha_sets        \step, (\i+4), \schedule, 4, 5, 6, 7, 0, 1, 2, 3, 20, 21, 22, 23, 16, 17, 18, 19
                sha_sets        \step, (\i+5), \schedule, 3, 4, 5, 6, 7, 0, 1, 2, 19, 20, 21, 22, 23, 16, 17, 18
                \between        (\i/2+2)
                sha_sets        \step, (\i+6), \schedule, 2, 3, 4, 5, 6, 7, 0, 1, 18, 19, 20, 21, 22, 23, 16, 17
                sha_sets        \step, (\i+7), \schedule, 1, 2, 3, 4, 5, 6, 7, 0, 17, 18, 19, 20, 21, 22, 23, 16
                \between        (\i/2+3)
.endr
.endm

.macro sha_nothing n
.endm

# Words of two messages of a set side by side: `unpack` takes the even or the odd ones of half a block.
.macro sha_unpack unpack, v, set, half, pair
                mov             rax, [rdi + JOB_LANES + 64 * (\set) + 16 * \pair]
                vmovdqu64       zmm\v, [rax + r10 + 64 * (\half)]
                mov             rax, [rdi + JOB_LANES + 64 * (\set) + 16 * \pair + 8]
                \unpack         zmm\v, zmm\v, [rax + r10 + 64 * (\half)]
.endm

.macro sha_put v, set, word
                vpshufb         zmm\v, zmm\v, zmm31
                vmovdqa64       [r8 + 1024 * (\set) + 64 * (\word)], zmm\v
.endm

# Every second word of half a block, of a set's eight messages.
.macro sha_words unpack, set, half, odd
                sha_unpack      \unpack, 12, \set, \half, 0
                sha_unpack      \unpack, 13, \set, \half, 1
                sha_unpack      \unpack, 14, \set, \half, 2
                sha_unpack      \unpack, 15, \set, \half, 3
                vshufi32x4      zmm28, zmm12, zmm13, 0x88
                vshufi32x4      zmm29, zmm14, zmm15, 0x88
                vshufi32x4      zmm30, zmm28, zmm29, 0x88
                vshufi32x4      zmm28, zmm28, zmm29, 0xdd
                sha_put         30, \set, (8 * (\half) + \odd)
                sha_put         28, \set, (8 * (\half) + \odd + 4)
                vshufi32x4      zmm12, zmm12, zmm13, 0xdd
                vshufi32x4      zmm14, zmm14, zmm15, 0xdd
                vshufi32x4      zmm13, zmm12, zmm14, 0x88
                vshufi32x4      zmm12, zmm12, zmm14, 0xdd
                sha_put         13, \set, (8 * (\half) + \odd + 2)
                sha_put         12, \set, (8 * (\half) + \odd + 6)
.endm

# Part n of 8 of the next block's words: set n / 4, half n / 2 % 2, even or odd ones.
.macro sha_part n
.if ((\n)/4) < SETS
.if ((\n)%2)
                sha_words       vpunpckhqdq, ((\n)/4), ((\n)/2%2), 1
.else
                sha_words       vpunpcklqdq, ((\n)/4), ((\n)/2%2), 0
.endif
.endif
.endm

# The hash values, set by set.
.macro sha_state do
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                \do             \n, \n
.endr
.if SETS == 2
.irp            n, 16, 17, 18, 19, 20, 21, 22, 23
                \do             \n, (\n - 8)
.endr
.endif
.endm

.macro sha_load v, n
                vmovdqa64       zmm\v, [rdi + JOB_STATE + 64 * \n]
.endm

.macro sha_forward v, n
                vpaddq          zmm\v, zmm\v, [rdi + JOB_STATE + 64 * \n]
                vmovdqa64       [rdi + JOB_STATE + 64 * \n], zmm\v
.endm

                vmovdqu64       zmm31, [rcx]
                mov             rcx, [rdi + JOB_BLOCKS]
                lea             r11, [rdi + JOB_WORDS]
                lea             r8, [rdi + JOB_WORDS + 1024 * SETS]
                xor             r10d, r10d
                sha_state       sha_load
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                sha_part        \n
.endr
2:              xchg            r8, r11                         # each block
                add             r10, 128
                cmp             rcx, 1
                jne             3f
                xor             r10d, r10d                      # behind the last: the first again, unused
3:              xor             r9d, r9d
4:              sha_rounds      sha_step, 1, sha_nothing
.irp            n, 0, 1, 2, 3
.if \n < 2 * SETS
                mov             rax, [rdi + r9 + JOB_LANES + 8 * \n]
                prefetcht0      [rax + r10]
                prefetcht0      [rax + r10 + 64]
.endif
.endr
                add             rsi, 128
                add             r9, 16 * SETS
                cmp             r9, 64 * SETS
                jne             4b
                sha_rounds      sha_step, 0, sha_part
                sub             rsi, 512
                sha_state       sha_forward
                dec             rcx
                jnz             2b
                mov             rcx, [rdi + JOB_PADDING]
                test            rcx, rcx
                jz              6f
                xor             r9d, r9d
5:              sha_rounds      sha_padding_step, 0, sha_nothing
                add             rdx, 128
                add             r9, 1
                cmp             r9, 5
                jne             5b
                sha_state       sha_forward
6:
.if SETS == 2
.irp            n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
                vpxorq          zmm\n, zmm\n, zmm\n             # wipe
.endr
.endif
.irp            n, 28, 29, 30, 31
                vpxorq          zmm\n, zmm\n, zmm\n
.endr
                vzeroall                                        #   zmm0 to zmm15
                ret
.purgem         sha_round
.purgem         sha_schedule
.purgem         sha_step
.purgem         sha_padding_step
.purgem         sha_sets
.purgem         sha_rounds
.purgem         sha_nothing
.purgem         sha_unpack
.purgem         sha_put
.purgem         sha_words
.purgem         sha_part
.purgem         sha_state
.purgem         sha_load
.purgem         sha_forward
