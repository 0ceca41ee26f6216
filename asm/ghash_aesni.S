# ghash: whole blocks into a hash, PCLMULQDQ with 128-bit vectors                        [contract]
#   in   rdi hash      16 bytes: Y, its bytes turned round
#        rsi data      16 * count bytes
#        rdx count     blocks, at least 1
#        rcx powers    the end of the powers: T_n is at rcx - 16 n, for n = 1 to 8, 16-byte aligned
#        r8  distance  from the powers to the sums of their halves, a multiple of 16
#   out  hash          for each block X: Y = (Y + X) * T_1, the product by x^-128 as RFC 8452 has it, on turned bytes
#   uses rax, rcx, rdx, rsi, r8, xmm0-15; no stack, no calls; branches on rdx only
#   needs sse2, ssse3, pclmulqdq
#   cost  a block: 3 carry-less products and, for eight blocks or one, a reduction
#
#   block xmm0 | temporary xmm8 | low xmm9 | middle xmm10 | high xmm11 | Y xmm13 | order of bytes xmm14 | fold xmm15  [map]

.macro ghash_enter n
                movdqu          xmm0, [rsi + 16 * \n]
                pshufb          xmm0, xmm14
.if \n == 0
                pxor            xmm0, xmm13
.endif
.endm

                movabs          rax, 0x08090a0b0c0d0e0f
                movq            xmm14, rax
                movabs          rax, 0x0001020304050607
                movq            xmm15, rax
                punpcklqdq      xmm14, xmm15
                ghash_fold
                movq            xmm15, rax
                movdqu          xmm13, [rdi]
2:              pxor            xmm9, xmm9
                pxor            xmm10, xmm10
                pxor            xmm11, xmm11
                cmp             rdx, 8
                jb              3f
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                ghash_enter     \n
                ghash_add       xmm0, xmm8, xmm9, xmm10, xmm11, [rcx + 16 * \n - 128], [rcx + r8 + 16 * \n - 128]
.endr
                ghash_reduce    xmm13, xmm8, xmm9, xmm10, xmm11, xmm15
                add             rsi, 128
                sub             rdx, 8
                jnz             2b
                jmp             4f
3:              ghash_enter     0
                ghash_add       xmm0, xmm8, xmm9, xmm10, xmm11, [rcx - 16], [rcx + r8 - 16]
                ghash_reduce    xmm13, xmm8, xmm9, xmm10, xmm11, xmm15
                add             rsi, 16
                dec             rdx
                jnz             2b
4:              movdqu          [rdi], xmm13
.irp            n, 0, 8, 9, 10, 11, 13, 14, 15
                pxor            xmm\n, xmm\n                    # wipe the registers
.endr
                ret
.purgem         ghash_enter
