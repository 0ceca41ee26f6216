# xts: runs of blocks of an XTS data unit, AES-NI                                       [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, 16-byte aligned, in order of use for the direction
#        rsi segments  64 bytes each (SEG_* below), 16-byte aligned
#        rdx count     segments, at least 1
#        rcx scratch   256 bytes, 16-byte aligned, not shared; zero at return
#   out  for each segment, j from 0: dst[j] = AES(src[j] ^ T_j) ^ T_j, T_0 = SEG_BEFORE, T_(j+1) = T_j * a
#        in GF(2^128) as IEEE 1619-2018, section 5.2 has it (little-endian, a^128 = a^7 + a^2 + a + 1);
#        SEG_END - SEG_OFFSET bytes
#   uses rax, rcx, rdx, rsi, r8-r11, xmm0-11; no stack, no calls; branches on SEG_OFFSET, SEG_END, rdx only
#   needs sse2, aes, pclmulqdq
#   cost  64 bytes: 4 * ROUNDS AES instructions at 2 a cycle (20 or 28 cycles). Tweaks: each of the eight
#         lanes goes on by a^8 alone (byte shift and one carry-less product, no chain from block to
#         block), between the AES instructions of the group before; 7 operations a block beside AES
#
#   assembly-time numbers: ROUNDS = 10 or 14, DECRYPT = 0 or 1
#   data xmm0-7 | round key xmm8 | tweak xmm9 | carry xmm10 | polynomial 0x87 xmm11          [map]
#   src r9 | dst r10 | bytes left r11 | this group's tweaks rcx | next group's tweaks r8

# T_n = T_0 * a^n for n = 1..7, from T_0 in xmm9, to the lane's place in scratch.
.macro xts_power n
                movdqa          xmm0, xmm9
                psrlq           xmm0, 64 - \n                   # what leaves either half
                movdqa          xmm1, xmm0
                pclmulqdq       xmm1, xmm11, 0x01               # out of the top: reduced
                pslldq          xmm0, 8                         # out of the low half: into the high one
                movdqa          xmm2, xmm9
                psllq           xmm2, \n
                pxor            xmm2, xmm0
                pxor            xmm2, xmm1
                movdqa          [rcx + 16 * \n], xmm2
.endm

# Lane n of the next group's tweaks = lane n of this group's * a^8.
.macro xts_step n
                movdqa          xmm9, [rcx + 16 * \n]
                movdqa          xmm10, xmm9
                psrldq          xmm10, 15                       # the top byte leaves
                pclmulqdq       xmm10, xmm11, 0x00
                pslldq          xmm9, 1
                pxor            xmm9, xmm10
                movdqa          [r8 + 16 * \n], xmm9
.endm

# One group; STEP = 1 computes the next group's tweaks, one lane a round, in rounds 1 to 8.
.macro xts_group STEP, lanes:vararg
.irp            n, \lanes
                movdqu          xmm\n, [r9 + 16 * \n]
                pxor            xmm\n, [rcx + 16 * \n]
.endr
                movdqa          xmm8, [rdi]
.irp            n, \lanes
                pxor            xmm\n, xmm8
.endr
.set            ROUND, 1
.rept           ROUNDS - 1
                movdqa          xmm8, [rdi + 16 * ROUND]
.irp            n, \lanes
.if DECRYPT
                aesdec          xmm\n, xmm8
.else
                aesenc          xmm\n, xmm8
.endif
.endr
.if \STEP
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
.if ROUND == \n + 1
                xts_step        \n
.endif
.endr
.endif
.set            ROUND, ROUND + 1
.endr
                movdqa          xmm8, [rdi + 16 * ROUNDS]
.irp            n, \lanes
.if DECRYPT
                aesdeclast      xmm\n, xmm8
.else
                aesenclast      xmm\n, xmm8
.endif
                pxor            xmm\n, [rcx + 16 * \n]
                movdqu          [r10 + 16 * \n], xmm\n
.endr
.endm

.macro xts_advance bytes
                add             r9, \bytes
                add             r10, \bytes
                sub             r11d, \bytes
.endm

                mov             eax, 0x87
                movq            xmm11, rax
                lea             r8, [rcx + 128]
2:              mov             r9, [rsi + SEG_SRC]             # each segment
                mov             r10, [rsi + SEG_DST]
                mov             r11d, [rsi + SEG_END]
                sub             r11d, [rsi + SEG_OFFSET]
                movdqa          xmm9, [rsi + SEG_BEFORE]
                movdqa          [rcx], xmm9
.irp            n, 1, 2, 3, 4, 5, 6, 7
                xts_power       \n
.endr
                cmp             r11d, 128
                jb              4f
3:              xts_group       1, 0, 1, 2, 3, 4, 5, 6, 7       # 8 in flight fill the AES units' latency
                xchg            rcx, r8                         # the next group's tweaks become this group's
                xts_advance     128
                cmp             r11d, 128
                jae             3b
4:              mov             rax, rcx                        # the tail walks through the tweaks:
                cmp             r11d, 64                        # a line,
                jb              5f
                xts_group       0, 0, 1, 2, 3
                xts_advance     64
                add             rcx, 64
5:              test            r11d, r11d                      # then single blocks
                jz              7f
6:              xts_group       0, 0
                add             rcx, 16
                xts_advance     16
                jnz             6b
7:              mov             rcx, rax
                add             rsi, SEG_BYTES
                dec             rdx
                jnz             2b
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
                pxor            xmm\n, xmm\n                    # wipe the registers, then the tweaks
.endr
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                movdqa          [rcx + 16 * \n], xmm0
                movdqa          [r8 + 16 * \n], xmm0
.endr
                ret
.purgem         xts_power
.purgem         xts_step
.purgem         xts_group
.purgem         xts_advance
