# xex: blocks whitened by a linear address tweak (XE and XEX), VAES with 512-bit vectors [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, in order of use for the direction
#        rsi before    4096 bytes: whitening by place in the page, ahead of AES
#        rdx after     4096 bytes: the same, behind AES
#        rcx segments  64 bytes each (SEG_* below)
#        r8  count     segments, at least 1
#   out  for each segment, j from 0: dst[j] = AES(src[j] ^ B ^ before[j]) ^ A ^ after[j], where B and A are
#        the segment's bases and the tables are entered at SEG_OFFSET; SEG_END lies inside the page.
#        XEX: before = after = T, B = A.  XE: the side that has no whitening gets zeros (table and base).
#   uses rax, rcx, r8-r11, zmm0-31; no stack, no calls; branches on SEG_OFFSET, SEG_END and r8 only;
#        SEG_PREFETCH is prefetched from, never accessed
#   needs avx512f, avx512vl, vaes, avx
#   cost  64 bytes: ROUNDS AES instructions, at 2 a cycle 5 or 7 cycles (at 1 a cycle, Zen 4, twice that).
#         The keys stay in registers and the bases are folded into the first and the last of them once a
#         segment, so the tweak costs a three-way xor ahead and an xor behind AES
#
#   assembly-time numbers: ROUNDS = 10 or 14, DECRYPT = 0 or 1
#   data zmm0-15 | keys 1 to ROUNDS - 1 zmm16-28 | first key ^ B zmm29 | last key ^ A zmm30      [map]
#   src r9 | dst r10 | place in the page, bytes rax | bytes left, or the next segment's source r11

# The steps of a group, one vector per lane, of class v (zmm: four blocks, xmm: one).
.macro xex_load v, lanes:vararg
.irp            n, \lanes
                vmovdqu64       \v\n, [r9 + 64 * \n]
                vpternlogq      \v\n, \v\()29, [rsi + rax + 64 * \n], 0x96
.endr
.endm

.macro xex_round key, v, lanes:vararg
.irp            n, \lanes
                vaes_round      \v\n, \v\n, \v\key
.endr
.endm

# Rounds first to last, which are below ROUNDS.
.macro xex_rounds first, last, v, lanes:vararg
.irp            key, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
.if (\key - 15 >= \first) && (\key - 15 <= \last)
                xex_round       \key, \v, \lanes
.endif
.endr
.endm

.macro xex_store v, lanes:vararg
.irp            n, \lanes
                vaes_last       \v\n, \v\n, \v\()30
                vpxorq          \v\n, \v\n, [rdx + rax + 64 * \n]
                vmovdqu64       [r10 + 64 * \n], \v\n
.endr
.endm

# 1 KiB, in two halves of which the second runs five rounds behind the first.
.macro xex_group
                xex_load        zmm, 0, 1, 2, 3, 4, 5, 6, 7
                xex_rounds      1, 5, zmm, 0, 1, 2, 3, 4, 5, 6, 7
                xex_load        zmm, 8, 9, 10, 11, 12, 13, 14, 15
.irp            key, 21, 22, 23, 24, 25, 26, 27, 28
.if \key - 15 < ROUNDS
                xex_round       \key, zmm, 0, 1, 2, 3, 4, 5, 6, 7
                xex_rounds      (\key - 20), (\key - 20), zmm, 8, 9, 10, 11, 12, 13, 14, 15
.endif
.endr
                xex_store       zmm, 0, 1, 2, 3, 4, 5, 6, 7
                xex_rounds      (ROUNDS - 5), (ROUNDS - 1), zmm, 8, 9, 10, 11, 12, 13, 14, 15
                xex_store       zmm, 8, 9, 10, 11, 12, 13, 14, 15
.endm

.macro xex_vector v
                xex_load        \v, 0
                xex_rounds      1, (ROUNDS - 1), \v, 0
                xex_store       \v, 0
.endm

# Moves on by `bytes`; r11 gets what is left.
.macro xex_advance bytes
                add             r9, \bytes
                add             r10, \bytes
                add             rax, \bytes
                mov             r11d, [rcx + SEG_END]
                sub             r11d, eax
.endm

.irp            key, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
.if \key - 15 < ROUNDS
                vbroadcasti32x4 zmm\key, [rdi + 16 * (\key - 15)]
.endif
.endr
2:              mov             r9, [rcx + SEG_SRC]             # each segment
                mov             r10, [rcx + SEG_DST]
                mov             eax, [rcx + SEG_OFFSET]
                vbroadcasti32x4 zmm29, [rdi]
                vbroadcasti32x4 zmm30, [rcx + SEG_BEFORE]
                vpxorq          zmm29, zmm29, zmm30
                vbroadcasti32x4 zmm30, [rdi + 16 * ROUNDS]
                vbroadcasti32x4 zmm31, [rcx + SEG_AFTER]
                vpxorq          zmm30, zmm30, zmm31
                mov             r11d, [rcx + SEG_END]
                sub             r11d, eax
                cmp             r11d, 1024
                jb              4f
3:              mov             r11, [rcx + SEG_PREFETCH]       # a large step: no prefetcher follows it
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
                prefetcht0      [r11 + rax + 64 * \n]
.endr
                xex_group
                xex_advance     1024
                cmp             r11d, 1024
                jae             3b
4:              cmp             r11d, 64                        # lines overlap by themselves: none waits
                jb              5f                              #   for another
                xex_vector      zmm
                xex_advance     64
                jmp             4b
5:              test            r11d, r11d                      # then single blocks
                jz              6f
                xex_vector      xmm
                xex_advance     16
                jmp             5b
6:              add             rcx, SEG_BYTES
                dec             r8
                jnz             2b
.irp            n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
                vpxorq          zmm\n, zmm\n, zmm\n             # wipe
.endr
                vzeroall                                        #   zmm0 to zmm15
                ret
.purgem         xex_load
.purgem         xex_round
.purgem         xex_rounds
.purgem         xex_store
.purgem         xex_group
.purgem         xex_vector
.purgem         xex_advance
