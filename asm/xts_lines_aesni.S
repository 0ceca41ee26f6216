# xts_lines: 64-byte lines, each an XTS data unit of its own, AES-NI                  [contract]
#   in   rdi keys    16 * (ROUNDS + 1) bytes, 16-byte aligned, in order of use for the direction
#        rsi tweaks  16 * r8 bytes: the first tweak of each line
#        rdx src     64 * r8 bytes
#        rcx dst     64 * r8 bytes, == src or disjoint
#        r8  count   lines, at least 1
#   out  for each line i and block j < 4: dst = AES(src ^ T_ij) ^ T_ij, T_i0 = tweaks[i], T_i(j+1) = T_ij * a
#        in GF(2^128) as IEEE 1619-2018, section 5.2 has it (little-endian, a^128 = a^7 + a^2 + a + 1)
#   uses rax, rcx, rdx, rsi, r8, xmm0-10; no stack, no calls; branches on r8 only
#   needs sse2, aes, pclmulqdq
#   cost  64 bytes: 4 * ROUNDS AES instructions at 2 a cycle (20 or 28 cycles), and 27 beside AES for the tweaks;
#         no line waits for another, so the CPU runs as many side by side as it has room for
#
#   assembly-time numbers: ROUNDS = 10 or 14, DECRYPT = 0 or 1
#   data xmm0-3 | tweaks xmm4-7 | round key, temporary xmm8 | temporary xmm9                [map]
#   low half 0, high half 0x87 xmm10

# r = xmm4 * a^n, 0 < n < 64.
.macro lines_power r, n
                movdqa          xmm8, xmm4
                psrlq           xmm8, 64 - \n                   # what leaves either half
                movdqa          xmm9, xmm10
                punpcklqdq      xmm9, xmm8                      # out of the low half: into the high one
                pclmulqdq       xmm8, xmm10, 0x11               # out of the top: reduced
                movdqa          \r, xmm4
                psllq           \r, \n
                pxor            \r, xmm8
                pxor            \r, xmm9
.endm

                mov             eax, 0x87
                movq            xmm10, rax
                pslldq          xmm10, 8
2:              movdqu          xmm4, [rsi]                     # a line: its four tweaks
                lines_power     xmm5, 1
                lines_power     xmm6, 2
                lines_power     xmm7, 3
                movdqa          xmm8, [rdi]
.irp            n, 0, 1, 2, 3
                movdqu          xmm\n, [rdx + 16 * \n]
                pxor            xmm\n, xmm8
.endr
                pxor            xmm0, xmm4
                pxor            xmm1, xmm5
                pxor            xmm2, xmm6
                pxor            xmm3, xmm7
.set            KEY, 16
.rept           ROUNDS - 1
                movdqa          xmm8, [rdi + KEY]
.irp            n, 0, 1, 2, 3
                aes_round       xmm\n, xmm8
.endr
.set            KEY, KEY + 16
.endr
                movdqa          xmm8, [rdi + 16 * ROUNDS]
.irp            n, 0, 1, 2, 3
                aes_last        xmm\n, xmm8
.endr
                pxor            xmm0, xmm4
                pxor            xmm1, xmm5
                pxor            xmm2, xmm6
                pxor            xmm3, xmm7
.irp            n, 0, 1, 2, 3
                movdqu          [rcx + 16 * \n], xmm\n
.endr
                add             rsi, 16
                add             rdx, 64
                add             rcx, 64
                dec             r8
                jnz             2b
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
                pxor            xmm\n, xmm\n                    # wipe
.endr
                ret
.purgem         lines_power
