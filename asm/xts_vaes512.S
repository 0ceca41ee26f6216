# xts: runs of blocks of an XTS data unit, VAES with 512-bit vectors                    [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, in order of use for the direction
#        rsi segments  64 bytes each (SEG_* below)
#        rdx count     segments, at least 1
#        rcx scratch   2368 bytes, 64-byte aligned, not shared; what was written is zero at return
#   out  for each segment, j from 0: dst[j] = AES(src[j] ^ T_j) ^ T_j, T_0 = SEG_BEFORE, T_(j+1) = T_j * a
#        in GF(2^128) as IEEE 1619-2018, section 5.2 has it (little-endian, a^128 = a^7 + a^2 + a + 1);
#        SEG_END - SEG_OFFSET bytes, at most 4096
#   uses rax, rcx, rdx, rsi, rdi, r8-r11, k1, zmm0-31; no stack, no calls; branches on SEG_OFFSET, SEG_END
#        and rdx only; SEG_PREFETCH is prefetched from, never accessed
#   needs avx512f, avx512vl, vaes, vpclmulqdq, avx
#   cost  64 bytes: ROUNDS AES instructions, at 2 a cycle 5 or 7 cycles (at 1 a cycle, Zen 4, twice that).
#         The tweaks of the next 1 KiB, of this segment or of the next, are computed between the AES
#         instructions of this one: 4 or 6 instructions a vector, of which one is a carry-less product
#
#   assembly-time numbers: ROUNDS = 10 or 14, DECRYPT = 0 or 1
#   data zmm0-15 | four tweaks zmm16 | temporaries zmm17-19 | low half 0, high half 0x87 zmm20   [map]
#   keys 0 to 9 zmm21-30, last key zmm31, keys 10 to 13 (AES-256) at rdi
#   src r9 | dst r10 | bytes left r11 | next segment's source rax | this group's tweaks rcx | next group's r8

.set            SHIFTS, 256                                     # at rdi + SHIFTS: 0, 0, 1, 1, 2, 2, 3, 3; 64 - those

# zmm16 = T_0 to T_3 of the segment at rsi + at.
.macro xts_first at
                vbroadcasti32x4 zmm18, [rsi + \at + SEG_BEFORE]
                vpmovzxbq       zmm17, [rdi + SHIFTS]
                vpsllvq         zmm16, zmm18, zmm17
                vpmovzxbq       zmm17, [rdi + SHIFTS + 8]
                vpsrlvq         zmm17, zmm18, zmm17             # what leaves either half
                vpclmulqdq      zmm18, zmm17, zmm20, 0x11       # out of the top: reduced
                vpunpcklqdq     zmm17, zmm20, zmm17             # out of the low half: into the high one
                vpternlogq      zmm16, zmm17, zmm18, 0x96
.endm

# zmm19 = zmm16 * a^n, 0 < n < 64.
.macro xts_power n
                vpsrlq          zmm17, zmm16, 64 - (\n)
                vpsllq          zmm19, zmm16, \n
                vpclmulqdq      zmm18, zmm17, zmm20, 0x11
                vpunpcklqdq     zmm17, zmm20, zmm17
                vpternlogq      zmm19, zmm17, zmm18, 0x96
.endm

# Vector n of the next group's tweaks: this group's * a^64 (NEXT = 0), or the next segment's T_4n on (1); or none,
# and what held them is wiped (2).
.macro xts_step NEXT, n
.if \NEXT == 0
                vpclmulqdq      zmm17, zmm20, [rcx + 64 * \n], 0x11 # high half * 0x87
                vpunpcklqdq     zmm18, zmm20, [rcx + 64 * \n]   # low half into the high one
                vpxorq          zmm17, zmm17, zmm18
                vmovdqa64       [r8 + 64 * \n], zmm17
.elseif \NEXT == 2
                vmovdqa64       [r8 + 64 * \n], zmm17
.elseif \n == 0
                xts_first       SEG_BYTES
                vmovdqa64       [r8], zmm16
.else
                xts_power       (4 * \n)
                vmovdqa64       [r8 + 64 * \n], zmm19
.endif
.endm

# The steps of a group, one vector per lane.
.macro xts_load lanes:vararg
.irp            n, \lanes
                prefetcht0      [rax + 64 * \n]                 # a large step: no prefetcher follows it
                vmovdqa64       zmm\n, [rcx + 64 * \n]
                vpternlogq      zmm\n, zmm21, [r9 + 64 * \n], 0x96
.endr
.endm

# After every ROUNDS - 1 AES instructions, one vector of the next group's tweaks.
.macro xts_round NEXT, key, lanes:vararg
.irp            n, \lanes
                vaes_round      zmm\n, zmm\n, \key
.set            DONE, DONE + 1
.irp            m, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
.if DONE == (\m + 1) * (ROUNDS - 1)
                xts_step        \NEXT, \m
.endif
.endr
.endr
.endm

.macro xts_store NEXT, lanes:vararg
.irp            n, \lanes
                vaes_last       zmm\n, zmm\n, zmm31
                vpxorq          zmm\n, zmm\n, [rcx + 64 * \n]
                vmovdqu64       [r10 + 64 * \n], zmm\n
.if \NEXT == 2
                vmovdqa64       [rcx + 64 * \n], zmm17
.endif
.endr
.endm

# 1 KiB, in two halves of which the second runs five rounds behind the first.
.macro xts_group NEXT
.set            DONE, 0
                xts_load        0, 1, 2, 3, 4, 5, 6, 7
.irp            key, zmm22, zmm23, zmm24, zmm25, zmm26
                xts_round       \NEXT, \key, 0, 1, 2, 3, 4, 5, 6, 7
.endr
                xts_load        8, 9, 10, 11, 12, 13, 14, 15
                xts_round       \NEXT, zmm27, 0, 1, 2, 3, 4, 5, 6, 7
                xts_round       \NEXT, zmm22, 8, 9, 10, 11, 12, 13, 14, 15
                xts_round       \NEXT, zmm28, 0, 1, 2, 3, 4, 5, 6, 7
                xts_round       \NEXT, zmm23, 8, 9, 10, 11, 12, 13, 14, 15
                xts_round       \NEXT, zmm29, 0, 1, 2, 3, 4, 5, 6, 7
                xts_round       \NEXT, zmm24, 8, 9, 10, 11, 12, 13, 14, 15
                xts_round       \NEXT, zmm30, 0, 1, 2, 3, 4, 5, 6, 7
                xts_round       \NEXT, zmm25, 8, 9, 10, 11, 12, 13, 14, 15
.if ROUNDS == 14
                xts_round       \NEXT, [rdi], 0, 1, 2, 3, 4, 5, 6, 7
                xts_round       \NEXT, zmm26, 8, 9, 10, 11, 12, 13, 14, 15
                xts_round       \NEXT, [rdi+64], 0, 1, 2, 3, 4, 5, 6, 7
                xts_round       \NEXT, zmm27, 8, 9, 10, 11, 12, 13, 14, 15
                xts_round       \NEXT, [rdi+128], 0, 1, 2, 3, 4, 5, 6, 7
                xts_round       \NEXT, zmm28, 8, 9, 10, 11, 12, 13, 14, 15
                xts_round       \NEXT, [rdi+192], 0, 1, 2, 3, 4, 5, 6, 7
                xts_round       \NEXT, zmm29, 8, 9, 10, 11, 12, 13, 14, 15
.endif
                xts_store       \NEXT, 0, 1, 2, 3, 4, 5, 6, 7
.if ROUNDS == 10
.irp            key, zmm26, zmm27, zmm28, zmm29, zmm30
                xts_round       \NEXT, \key, 8, 9, 10, 11, 12, 13, 14, 15
.endr
.else
.irp            key, zmm30, [rdi], [rdi+64], [rdi+128], [rdi+192]
                xts_round       \NEXT, \key, 8, 9, 10, 11, 12, 13, 14, 15
.endr
.endif
                xts_store       \NEXT, 8, 9, 10, 11, 12, 13, 14, 15
                xchg            rcx, r8                         # the next group's tweaks become this group's
.endm

# One vector of class v under the tweaks in register 16 (zmm: four blocks, xmm: one).
.macro xts_vector v
                vpxorq          \v\()0, \v\()16, \v\()21
                vpxorq          \v\()0, \v\()0, [r9]
.irp            key, 22, 23, 24, 25, 26, 27, 28, 29, 30
                vaes_round      \v\()0, \v\()0, \v\key
.endr
.if ROUNDS == 14
.irp            key, [rdi], [rdi+64], [rdi+128], [rdi+192]
                vaes_round      \v\()0, \v\()0, \key
.endr
.endif
                vaes_last       \v\()0, \v\()0, \v\()31
                vpxorq          \v\()0, \v\()0, \v\()16
                vmovdqu64       [r10], \v\()0
.endm

# Reads the segment at rsi.
.macro xts_enter
                mov             r9, [rsi + SEG_SRC]
                mov             r10, [rsi + SEG_DST]
                mov             rax, [rsi + SEG_PREFETCH]
                mov             r11d, [rsi + SEG_END]
                sub             r11d, [rsi + SEG_OFFSET]
.endm

.irp            key, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
                vbroadcasti32x4 zmm\key, [rdi + 16 * (\key - 21)]
.endr
                vbroadcasti32x4 zmm31, [rdi + 16 * ROUNDS]
.if ROUNDS == 14
.irp            n, 0, 1, 2, 3
                vbroadcasti32x4 zmm0, [rdi + 16 * (10 + \n)]
                vmovdqa64       [rcx + 2048 + 64 * \n], zmm0
.endr
.endif
                lea             rdi, [rcx + 2048]
                lea             r8, [rcx + 1024]
                movabs          rax, 0x0303020201010000
                mov             [rdi + SHIFTS], rax
                movabs          rax, 0x3d3d3e3e3f3f4040
                mov             [rdi + SHIFTS + 8], rax
                mov             eax, 0xaa
                kmovw           k1, eax
                mov             eax, 0x87
                vpbroadcastq    zmm20{k1}{z}, rax
2:              xts_enter                                       # each segment
                xts_first       0
                cmp             r11d, 1024
                jb              5f
                vmovdqa64       [rcx], zmm16
.irp            n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
                xts_power       (4 * \n)
                vmovdqa64       [rcx + 64 * \n], zmm19
.endr
3:              cmp             r11d, 1024                      # 1 KiB or more is left, its tweaks are ready
                je              4f
                xts_group       0
                add             r9, 1024
                add             r10, 1024
                add             rax, 1024
                sub             r11d, 1024
                cmp             r11d, 1024
                jae             3b
                vmovdqa64       zmm16, [rcx]
                vpxorq          zmm0, zmm0, zmm0
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
                vmovdqa64       [rcx + 64 * \n], zmm0           # wipe both groups of tweaks
                vmovdqa64       [r8 + 64 * \n], zmm0
.endr
                jmp             5f
4:              cmp             rdx, 1                          # the last 1 KiB of the segment
                je              8f
                mov             r11d, [rsi + SEG_BYTES + SEG_END]
                sub             r11d, [rsi + SEG_BYTES + SEG_OFFSET]
                cmp             r11d, 1024
                jb              8f
                xts_group       1                               # a long segment follows
                add             rsi, SEG_BYTES
                dec             rdx
                xts_enter
                jmp             3b
8:              vpxorq          zmm17, zmm17, zmm17
                xts_group       2                               # no segment follows, or a short one
                jmp             7f
5:              cmp             r11d, 64                        # lines
                jb              6f
                xts_vector      zmm
                xts_power       4
                vmovdqa64       zmm16, zmm19
                add             r9, 64
                add             r10, 64
                sub             r11d, 64
                jmp             5b
6:              test            r11d, r11d                      # then single blocks
                jz              7f
                xts_vector      xmm
                valignq         zmm16, zmm16, zmm16, 2          # the next lane's tweak
                add             r9, 16
                add             r10, 16
                sub             r11d, 16
                jmp             6b
7:              add             rsi, SEG_BYTES
                dec             rdx
                jnz             2b
                vpxorq          zmm0, zmm0, zmm0                # wipe the keys and what lies behind them
.irp            n, 0, 1, 2, 3, 4
.if (ROUNDS == 14) || (64 * \n == SHIFTS)
                vmovdqa64       [rdi + 64 * \n], zmm0
.endif
.endr
.irp            n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
                vpxorq          zmm\n, zmm\n, zmm\n             # wipe the registers
.endr
                vzeroall                                        #   zmm0 to zmm15
                ret
.purgem         xts_first
.purgem         xts_power
.purgem         xts_step
.purgem         xts_load
.purgem         xts_round
.purgem         xts_store
.purgem         xts_group
.purgem         xts_vector
.purgem         xts_enter
