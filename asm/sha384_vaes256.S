# sha384: SHA-512's compression of four messages side by side, AVX2 [contract]
#   in   rdi job        1344 bytes, 64-byte aligned; JOB_* below: hash values (8 words for 4 messages each), a
#                       pointer for each message, a count of blocks of 128 bytes (1 to 32) and of padding
#                       blocks (0 or 1), scratch
#        rsi constants  80 words: FIPS 180-4, section 4.2.3
#        rdx padding    80 words: those constants plus the schedule of the padding block
#        rcx order      96 bytes: turns each word's bytes round (64), rotates each word by 8 bits (32)
#   out  the hash values of each message, after its blocks and then the padding block, if there is one
#   uses rax, rcx, rdx, rsi, r9-r11, ymm0-15; no stack, no calls; branches on the counts only;
#        prefetches the messages' next blocks
#   needs avx2, avx
#   cost  a round is 36 operations without a rotation instruction, its schedule 19 more: at 3 a cycle 18 cycles
#
#   assembly-time numbers: JOB_STATE, JOB_LANES, JOB_BLOCKS, JOB_PADDING, JOB_WORDS                         [map]
#   state ymm0-7 | temporaries ymm8-11 | a ^ b, which is the next round's b ^ c ymm12 | order ymm14 | by 8 bits ymm15
#   blocks rcx | words r11 | their place in the messages r10 | rounds r9 | a message rax

# to ^= x rotated to the right by so many bits. t: scratch.
.macro sha_rotated to, x, bits, t
                vpsrlq          ymm\t, ymm\x, \bits
                vpxor           ymm\to, ymm\to, ymm\t
                vpsllq          ymm\t, ymm\x, (64-\bits)
                vpxor           ymm\to, ymm\to, ymm\t
.endm

# to = three rotations of x.
.macro sha_sigma to, x, first, second, third, t
                vpsrlq          ymm\to, ymm\x, \first
                vpsllq          ymm\t, ymm\x, (64-\first)
                vpxor           ymm\to, ymm\to, ymm\t
                sha_rotated     \to, \x, \second, \t
                sha_rotated     \to, \x, \third, \t
.endm

# h and d after a round; ymm8 holds K + W, ymm12 b ^ c.
.macro sha_round a, b, c, d, e, f, g, h
                vpaddq          ymm\h, ymm\h, ymm8
                vpxor           ymm9, ymm\f, ymm\g
                vpand           ymm9, ymm9, ymm\e
                vpxor           ymm9, ymm9, ymm\g               # Ch
                vpaddq          ymm\h, ymm\h, ymm9
                sha_sigma       9, \e, 14, 18, 41, 10
                vpaddq          ymm\h, ymm\h, ymm9
                vpaddq          ymm\d, ymm\d, ymm\h
                vpxor           ymm11, ymm\a, ymm\b
                vpand           ymm12, ymm12, ymm11
                vpxor           ymm12, ymm12, ymm\b             # Maj
                vpaddq          ymm\h, ymm\h, ymm12
                vmovdqa         ymm12, ymm11
                sha_sigma       9, \a, 28, 34, 39, 10
                vpaddq          ymm\h, ymm\h, ymm9
.endm

# The word of round i, in its place, becomes that of round i + 16.
.macro sha_schedule i
                vmovdqa         ymm8, [r11 + 32 * ((\i + 1) % 16)]
                vpsrlq          ymm9, ymm8, 7
                vpshufb         ymm10, ymm8, ymm15
                vpxor           ymm9, ymm9, ymm10
                sha_rotated     9, 8, 1, 10
                vpaddq          ymm9, ymm9, [r11 + 32 * \i]
                vpaddq          ymm9, ymm9, [r11 + 32 * ((\i + 9) % 16)]
                vmovdqa         ymm8, [r11 + 32 * ((\i + 14) % 16)]
                vpsrlq          ymm11, ymm8, 6
                sha_rotated     11, 8, 19, 10
                sha_rotated     11, 8, 61, 10
                vpaddq          ymm9, ymm9, ymm11
                vmovdqa         [r11 + 32 * \i], ymm9
.endm

.macro sha_scheduled_step i, a, b, c, d, e, f, g, h
                sha_step        \i, \a, \b, \c, \d, \e, \f, \g, \h
                sha_schedule    \i
.endm

.macro sha_step i, a, b, c, d, e, f, g, h
                vpbroadcastq    ymm8, [rsi + 8 * \i]
                vpaddq          ymm8, ymm8, [r11 + 32 * \i]
                sha_round       \a, \b, \c, \d, \e, \f, \g, \h
.endm

.macro sha_padding_step i, a, b, c, d, e, f, g, h
                vpbroadcastq    ymm8, [rdx + 8 * \i]
                sha_round       \a, \b, \c, \d, \e, \f, \g, \h
.endm

# 16 rounds, which come back to the state's registers, and to b ^ c.
.macro sha_rounds step
.irp            i, 0, 8
                \step           (\i+0), 0, 1, 2, 3, 4, 5, 6, 7
                \step           (\i+1), 7, 0, 1, 2, 3, 4, 5, 6
                \step           (\i+2), 6, 7, 0, 1, 2, 3, 4, 5
                \step           (\i+3), 5, 6, 7, 0, 1, 2, 3, 4
                \step           (\i+4), 4, 5, 6, 7, 0, 1, 2, 3
                \step           (\i+5), 3, 4, 5, 6, 7, 0, 1, 2
                \step           (\i+6), 2, 3, 4, 5, 6, 7, 0, 1
                \step           (\i+7), 1, 2, 3, 4, 5, 6, 7, 0
.endr
.endm

# 16 bytes of messages `lane` and `lane` + 2 side by side.
.macro sha_pair v, lane, at
                mov             rax, [rdi + JOB_LANES + 8 * \lane]
                vmovdqu         xmm\v, [rax + r10 + \at]
                mov             rax, [rdi + JOB_LANES + 8 * (\lane + 2)]
                vinserti128     ymm\v, ymm\v, [rax + r10 + \at], 1
.endm

                vmovdqu         ymm14, [rcx]
                vmovdqu         ymm15, [rcx + 64]
                mov             rcx, [rdi + JOB_BLOCKS]
                lea             r11, [rdi + JOB_WORDS]
                xor             r10d, r10d
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                vmovdqa         ymm\n, [rdi + JOB_STATE + 32 * \n]
.endr
2:                                                              # each block: its words in order
.irp            n, 0, 2, 4, 6, 8, 10, 12, 14
                sha_pair        8, 0, (8*\n)
                sha_pair        9, 1, (8*\n)
                vpshufb         ymm8, ymm8, ymm14
                vpshufb         ymm9, ymm9, ymm14
                vpunpcklqdq     ymm10, ymm8, ymm9
                vpunpckhqdq     ymm11, ymm8, ymm9
                vmovdqa         [r11 + 32 * \n], ymm10
                vmovdqa         [r11 + 32 * \n + 32], ymm11
.endr
                add             r10, 128
                vpxor           ymm12, ymm1, ymm2
                xor             r9d, r9d
3:              sha_rounds      sha_scheduled_step
                mov             rax, [rdi + r9 + JOB_LANES]
                prefetcht0      [rax + r10]
                prefetcht0      [rax + r10 + 64]
                add             rsi, 128
                add             r9, 8
                cmp             r9, 32
                jne             3b
                sha_rounds      sha_step
                sub             rsi, 512
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                vpaddq          ymm\n, ymm\n, [rdi + JOB_STATE + 32 * \n]
                vmovdqa         [rdi + JOB_STATE + 32 * \n], ymm\n
.endr
                dec             rcx
                jnz             2b
                mov             rcx, [rdi + JOB_PADDING]
                test            rcx, rcx
                jz              5f
                vpxor           ymm12, ymm1, ymm2
                xor             r9d, r9d
4:              sha_rounds      sha_padding_step
                add             rdx, 128
                add             r9, 1
                cmp             r9, 5
                jne             4b
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                vpaddq          ymm\n, ymm\n, [rdi + JOB_STATE + 32 * \n]
                vmovdqa         [rdi + JOB_STATE + 32 * \n], ymm\n
.endr
5:              vzeroall                                        # wipe
                ret
.purgem         sha_rotated
.purgem         sha_sigma
.purgem         sha_round
.purgem         sha_schedule
.purgem         sha_scheduled_step
.purgem         sha_step
.purgem         sha_padding_step
.purgem         sha_rounds
.purgem         sha_pair
