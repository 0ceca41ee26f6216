# ghash_powers: powers of a hash key, PCLMULQDQ with 128-bit vectors                    [contract]
#   in   rdi powers    16 * count bytes, 16-byte aligned; the last block is T_1, the others are written
#        rsi middles   16 * count bytes, 16-byte aligned
#        rdx count     a multiple of 4, at least 4
#   out  block count - n of powers: T_n = T_a * T_(n-a), the product by x^-128 as RFC 8452 has it
#        block count - n of middles: in both halves the sum of T_n's halves
#   uses rax, rdx, rdi, rsi, xmm0-15; no stack, no calls; branches on rdx only
#   needs sse2, pclmulqdq
#   cost  a block: 6 carry-less products, four blocks at a time
#
#   the last four powers xmm0 (T_4k), xmm1, xmm2, xmm3 | T_4 xmm4 | low xmm5 | middle xmm6 | high xmm7      [map]
#   temporary xmm8 | fold xmm15 | T_1 and its halves' sum xmm9, xmm10 | T_4's halves' sum xmm11

# \x = \x * \y, where \ymid has the sum of the halves of \y in its low half.
.macro powers_times x, y, ymid
                pxor            xmm5, xmm5
                pxor            xmm6, xmm6
                pxor            xmm7, xmm7
                ghash_add       \x, xmm8, xmm5, xmm6, xmm7, \y, \ymid
                ghash_reduce    \x, xmm8, xmm5, xmm6, xmm7, xmm15
.endm

# Writes T_n to the place at byte \at of the current four.
.macro powers_store x, at
                movdqa          [rdi + \at], \x
                pshufd          xmm8, \x, 0x4e
                pxor            xmm8, \x
                movdqa          [rsi + \at], xmm8
.endm

                ghash_fold
                movq            xmm15, rax
                mov             rax, rdx
                shl             rax, 4
                lea             rdi, [rdi + rax - 64]           # the last four
                lea             rsi, [rsi + rax - 64]
                movdqa          xmm9, [rdi + 48]
                pshufd          xmm10, xmm9, 0x4e
                pxor            xmm10, xmm9
                movdqa          [rsi + 48], xmm10
                movdqa          xmm3, xmm9
                movdqa          xmm2, xmm9
                powers_times    xmm2, xmm9, xmm10               # T_2 = T_1 * T_1
                movdqa          xmm1, xmm2
                powers_times    xmm1, xmm9, xmm10               # T_3 = T_2 * T_1
                movdqa          xmm0, xmm1
                powers_times    xmm0, xmm9, xmm10               # T_4 = T_3 * T_1
                movdqa          xmm4, xmm0
                pshufd          xmm11, xmm0, 0x4e
                pxor            xmm11, xmm0
                powers_store    xmm0, 0
                powers_store    xmm1, 16
                powers_store    xmm2, 32
2:              sub             rdx, 4
                jz              3f
                sub             rdi, 64
                sub             rsi, 64
.irp            n, 0, 1, 2, 3
                powers_times    xmm\n, xmm4, xmm11              # T_(n+4) = T_n * T_4
                powers_store    xmm\n, 16 * \n
.endr
                jmp             2b
3:
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15
                pxor            xmm\n, xmm\n                    # wipe the registers
.endr
                ret
.purgem         powers_times
.purgem         powers_store
