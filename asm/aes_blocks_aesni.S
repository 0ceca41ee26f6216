# aes_blocks: consecutive 16-byte blocks, each enciphered alone, AES-NI                 [contract]
#   in   rdi keys   16 * (ROUNDS + 1) bytes, 16-byte aligned, encryption order
#        rsi data   16 * rdx bytes, any alignment, changed in place
#        rdx count  blocks, at least 1
#   out  data[i] = E(data[i])
#   uses rdx, rsi, xmm0-8; no stack, no calls, backward branches on rdx only
#   needs sse2, aes
#   cost  8 blocks: 8 * ROUNDS AES instructions at 2 a cycle
#
#   assembly-time number: ROUNDS = 10 (AES-128) or 14 (AES-256)
#   data xmm0-7 | round key xmm8                                                          [map]

# `lanes` names the data registers of one group.
.macro blocks_group lanes:vararg
                movdqa          xmm8, [rdi]
.irp            n, \lanes
                movdqu          xmm\n, [rsi + 16 * \n]
                pxor            xmm\n, xmm8
.endr
.set            KEY, 16
.rept           ROUNDS - 1
                movdqa          xmm8, [rdi + KEY]
.irp            n, \lanes
                aesenc          xmm\n, xmm8
.endr
.set            KEY, KEY + 16
.endr
                movdqa          xmm8, [rdi + 16 * ROUNDS]
.irp            n, \lanes
                aesenclast      xmm\n, xmm8
                movdqu          [rsi + 16 * \n], xmm\n
.endr
.endm

                cmp             rdx, 8
                jb              3f
2:              blocks_group    0, 1, 2, 3, 4, 5, 6, 7          # 8 in flight fill the AES units' latency
                add             rsi, 128
                sub             rdx, 8
                cmp             rdx, 8
                jae             2b
3:              test            rdx, rdx
                jz              5f
4:              blocks_group    0
                add             rsi, 16
                dec             rdx
                jnz             4b
5:
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7, 8
                pxor            xmm\n, xmm\n                    # wipe
.endr
                ret
.purgem         blocks_group
