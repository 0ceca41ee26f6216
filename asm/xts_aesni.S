# xts: runs of blocks of an XTS data unit, AES-NI                                       [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, 16-byte aligned, in order of use for the direction
#        rsi segments  64 bytes each (SEG_* below), 16-byte aligned
#        rdx count     segments, at least 1
#        rcx scratch   1152 bytes, 16-byte aligned, not shared; what was written is zero at return
#   out  for each segment, j from 0: dst[j] = AES(src[j] ^ T_j) ^ T_j, T_0 = SEG_BEFORE, T_(j+1) = T_j * a
#        in GF(2^128) as IEEE 1619-2018, section 5.2 has it (little-endian, a^128 = a^7 + a^2 + a + 1);
#        SEG_END - SEG_OFFSET bytes
#   uses rax, rcx, rdx, rsi, r8-r11, xmm0-12; no stack, no calls; branches on SEG_OFFSET, SEG_END, rdx only
#   needs sse2, aes, pclmulqdq
#   cost  64 bytes: 4 * ROUNDS AES instructions at 2 a cycle (20 or 28 cycles). The next group's tweaks are
#         computed between the AES instructions of this one, each from one before it (no chain from block to
#         block): * a^8 in the first KiB, then * a^64, which is three operations
#
#   assembly-time numbers: ROUNDS = 10 or 14, DECRYPT = 0 or 1
#   data xmm0-7 | round key xmm8 | tweak xmm9 | temporaries xmm10, xmm12                    [map]
#   low half 0, high half 0x87 xmm11
#   src r9 | dst r10 | bytes left r11 | this group's tweaks rcx + rax, the next group's rcx + r8:
#   first group at 0, then a ring from 128 to 1152; r8 = 0 until the ring is written

# [rcx + to] = xmm9 * a^n, 0 < n < 64. xmm9 is kept.
.macro xts_power n, to:vararg
                movdqa          xmm10, xmm9
                psrlq           xmm10, 64 - \n                  # what leaves either half
                movdqa          xmm12, xmm11
                punpcklqdq      xmm12, xmm10                    # out of the low half: into the high one
                pclmulqdq       xmm10, xmm11, 0x11              # out of the top: reduced
                pxor            xmm12, xmm10
                movdqa          xmm10, xmm9
                psllq           xmm10, \n
                pxor            xmm10, xmm12
                movdqa          [rcx + \to], xmm10
.endm

# Tweak n of the next group: this group's * a^8 (STEP = 1), or what lies there * a^64 (2).
.macro xts_step STEP, n
.if \STEP == 1
                movdqa          xmm9, [rcx + rax + 16 * \n]
                xts_power       8, r8 + 16 * \n
.else
                movdqa          xmm9, [rcx + r8 + 16 * \n]
                movdqa          xmm12, xmm11
                punpcklqdq      xmm12, xmm9                     # low half into the high one
                pclmulqdq       xmm9, xmm11, 0x11               # high half * 0x87
                pxor            xmm9, xmm12
                movdqa          [rcx + r8 + 16 * \n], xmm9
.endif
.endm

# One block per lane, under the tweaks at rcx + rax. STEP > 0 computes the next group's, one a round, in rounds
# 1 to 8.
.macro xts_group STEP, lanes:vararg
.irp            n, \lanes
                movdqu          xmm\n, [r9 + 16 * \n]
                pxor            xmm\n, [rcx + rax + 16 * \n]
.endr
                movdqa          xmm8, [rdi]
.irp            n, \lanes
                pxor            xmm\n, xmm8
.endr
.set            ROUND, 1
.rept           ROUNDS - 1
                movdqa          xmm8, [rdi + 16 * ROUND]
.irp            n, \lanes
                aes_round       xmm\n, xmm8
.endr
.if \STEP
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
.if ROUND == \n + 1
                xts_step        \STEP, \n
.endif
.endr
.endif
.set            ROUND, ROUND + 1
.endr
                movdqa          xmm8, [rdi + 16 * ROUNDS]
.irp            n, \lanes
                aes_last        xmm\n, xmm8
                pxor            xmm\n, [rcx + rax + 16 * \n]
                movdqu          [r10 + 16 * \n], xmm\n
.endr
.endm

.macro xts_advance bytes
                add             r9, \bytes
                add             r10, \bytes
                sub             r11d, \bytes
.endm

# A group with all registers; 8 in flight fill the AES units' latency.
.macro xts_groups STEP
                mov             r8d, eax
                and             r8d, 1023
                add             r8d, 128
                xts_group       \STEP, 0, 1, 2, 3, 4, 5, 6, 7
                mov             eax, r8d
                xts_advance     128
                cmp             r11d, 128
.endm

                mov             eax, 0x87
                movq            xmm11, rax
                pslldq          xmm11, 8
                xor             r8d, r8d
2:              mov             r9, [rsi + SEG_SRC]             # each segment
                mov             r10, [rsi + SEG_DST]
                mov             r11d, [rsi + SEG_END]
                sub             r11d, [rsi + SEG_OFFSET]
                movdqa          xmm9, [rsi + SEG_BEFORE]
                movdqa          [rcx], xmm9
.irp            n, 1, 2, 3, 4, 5, 6, 7
                xts_power       \n, 16 * \n
.endr
                xor             eax, eax
                cmp             r11d, 128
                jb              5f
3:              xts_groups      1
                jb              5f
                cmp             eax, 1024                       # the ring is full
                jb              3b
4:              xts_groups      2
                jae             4b
5:              cmp             r11d, 64                        # the tail walks through the tweaks: a line,
                jb              6f
                xts_group       0, 0, 1, 2, 3
                xts_advance     64
                add             eax, 64
6:              test            r11d, r11d                      # then single blocks
                jz              7f
                xts_group       0, 0
                xts_advance     16
                add             eax, 16
                jmp             6b
7:              add             rsi, SEG_BYTES
                dec             rdx
                jnz             2b
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
                pxor            xmm\n, xmm\n                    # wipe the registers, then the tweaks
.endr
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                movdqa          [rcx + 16 * \n], xmm0
.endr
                test            r8d, r8d
                jz              9f
                mov             r8d, 1024
8:
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                movdqa          [rcx + r8 + 16 * \n], xmm0
.endr
                sub             r8d, 128
                jnz             8b
9:              ret
.purgem         xts_power
.purgem         xts_step
.purgem         xts_group
.purgem         xts_advance
.purgem         xts_groups
