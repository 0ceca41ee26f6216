# gcm: whole blocks enciphered or deciphered and hashed, AES-NI and PCLMULQDQ           [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, in order of use to encipher, 16-byte aligned
#        rsi src       16 * count bytes
#        rdx dst       16 * count bytes, the same as src or disjoint
#        rcx count     blocks, at least 1
#        r8  state     40 bytes: the next counter block, its bytes turned round; Y, likewise; the distance (8 bytes) from
#                      the powers to the sums of their halves, a multiple of 16
#        r9  powers    the end of the powers: T_n is at r9 - 16 n, for n = 1 to 8, 16-byte aligned
#   out  dst           block j: src ^ AES(counter + j), the counter being the low 32 bits of the turned block
#        state         counter + count; for each block C of ciphertext: Y = (Y + C) * T_1, the product by x^-128 as RFC
#                      8452 has it, on turned bytes
#   uses rax, rcx, rdx, rsi, r8-r10, xmm0-15; no stack, no calls; branches on rcx only
#   needs sse2, ssse3, aes, pclmulqdq
#   cost  a block: ROUNDS AES instructions, 3 carry-less products and, for eight blocks or one, a reduction
#
#   assembly-time numbers: ROUNDS = 10 or 14, TEXT = 0 or 1: whether the source is text, to be enciphered
#   data xmm0-7 | temporary xmm8 | low xmm9 | middle xmm10 | high xmm11 | counter xmm12 | Y xmm13      [map]
#   order of bytes xmm14 | one, and for reductions the fold, xmm15

# Hashes the block in \x, number \n of \count.
.macro gcm_hash x, n, count
                pshufb          \x, xmm14
.if \n == 0
                pxor            \x, xmm13
.endif
                ghash_add       \x, xmm8, xmm9, xmm10, xmm11, [r9 + 16 * (\n - \count)], [r9 + r10 + 16 * (\n - \count)]
.endm

.macro gcm_reduce
                ghash_fold
                movq            xmm15, rax
                ghash_reduce    xmm13, xmm8, xmm9, xmm10, xmm11, xmm15
                mov             eax, 1
                movq            xmm15, rax
.endm

# \count blocks, 8 or 1.
.macro gcm_blocks count, lanes:vararg
                pxor            xmm9, xmm9
                pxor            xmm10, xmm10
                pxor            xmm11, xmm11
.if TEXT == 0
.irp            n, \lanes
                movdqu          xmm0, [rsi + 16 * \n]
                gcm_hash        xmm0, \n, \count
.endr
                gcm_reduce
.endif
                movdqa          xmm8, [rdi]
.irp            n, \lanes
                movdqa          xmm\n, xmm12
                paddd           xmm12, xmm15
                pshufb          xmm\n, xmm14
                pxor            xmm\n, xmm8
.endr
.set            ROUND, 1
.rept           ROUNDS - 1
                movdqa          xmm8, [rdi + 16 * ROUND]
.irp            n, \lanes
                aesenc          xmm\n, xmm8
.endr
.set            ROUND, ROUND + 1
.endr
.irp            n, \lanes
                movdqu          xmm8, [rsi + 16 * \n]
                pxor            xmm8, [rdi + 16 * ROUNDS]       # the text goes in with the last key
                aesenclast      xmm\n, xmm8
                movdqu          [rdx + 16 * \n], xmm\n
.endr
.if TEXT
.irp            n, \lanes
                gcm_hash        xmm\n, \n, \count
.endr
                gcm_reduce
.endif
.endm

                movabs          rax, 0x08090a0b0c0d0e0f
                movq            xmm14, rax
                movabs          rax, 0x0001020304050607
                movq            xmm15, rax
                punpcklqdq      xmm14, xmm15
.if TEXT
                mov             eax, 1
                movq            xmm15, rax
.endif
                movdqu          xmm12, [r8]
                movdqu          xmm13, [r8 + 16]
                mov             r10, [r8 + 32]
2:              cmp             rcx, 8
                jb              3f
                gcm_blocks      8, 0, 1, 2, 3, 4, 5, 6, 7
                add             rsi, 128
                add             rdx, 128
                sub             rcx, 8
                jnz             2b
                jmp             4f
3:              gcm_blocks      1, 0
                add             rsi, 16
                add             rdx, 16
                dec             rcx
                jnz             3b
4:              movdqu          [r8], xmm12
                movdqu          [r8 + 16], xmm13
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
                pxor            xmm\n, xmm\n                    # wipe the registers
.endr
                ret
.purgem         gcm_hash
.purgem         gcm_reduce
.purgem         gcm_blocks
