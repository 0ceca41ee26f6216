# ctr: counter mode, AES-NI                                                             [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, 16-byte aligned, in order of use
#        rsi segments  64 bytes each (SEG_* below), 16-byte aligned
#        rdx count     segments, at least 1
#        rcx constants CONST_* below, 16-byte aligned: the numbers 0 to 64 as blocks, then the order of bytes that turns
#                      a block round
#   out  for each segment, j from 0: dst[j] = src[j] ^ AES(turn(C + j)), where C is SEG_BEFORE and the sum is that of the
#        low 64 bits, without a carry out of them: the segment ends before they do;
#        SEG_END - SEG_OFFSET bytes, at most 4096
#   uses rdx, rsi, r9-r11, xmm0-12; no stack, no calls; branches on SEG_OFFSET, SEG_END and rdx only
#   needs sse2, ssse3, aes
#   cost  64 bytes: 4 * ROUNDS AES instructions at 2 a cycle (20 or 28 cycles)
#
#   assembly-time numbers: ROUNDS = 10 or 14
#   data xmm0-7 | round key, text xmm8 | first key xmm9 | last key xmm10 | counter xmm11 | order xmm12      [map]
#   src r9 | dst r10 | bytes left r11

.macro ctr_group lanes:vararg
.irp            n, \lanes
                movdqa          xmm\n, [rcx + CONST_NUMBERS + 16 * \n]
                paddq           xmm\n, xmm11
                pshufb          xmm\n, xmm12
                pxor            xmm\n, xmm9
.endr
.set            KEY, 16
.rept           ROUNDS - 1
                movdqa          xmm8, [rdi + KEY]
.irp            n, \lanes
                aesenc          xmm\n, xmm8
.endr
.set            KEY, KEY + 16
.endr
.irp            n, \lanes
                aesenclast      xmm\n, xmm10
                movdqu          xmm8, [r9 + 16 * \n]
                pxor            xmm\n, xmm8
                movdqu          [r10 + 16 * \n], xmm\n
.endr
.endm

# Moves on by so many blocks.
.macro ctr_advance blocks
                paddq           xmm11, [rcx + CONST_NUMBERS + 16 * \blocks]
                add             r9, 16 * \blocks
                add             r10, 16 * \blocks
                sub             r11d, 16 * \blocks
.endm

                movdqa          xmm9, [rdi]
                movdqa          xmm10, [rdi + 16 * ROUNDS]
                movdqa          xmm12, [rcx + CONST_ORDER]
2:              mov             r9, [rsi + SEG_SRC]             # each segment
                mov             r10, [rsi + SEG_DST]
                movq            xmm11, [rsi + SEG_BEFORE]       # by halves, as they were stored just now: a load of
                movq            xmm8, [rsi + SEG_BEFORE + 8]    #   both would wait until the stores are through
                punpcklqdq      xmm11, xmm8
                mov             r11d, [rsi + SEG_END]
                sub             r11d, [rsi + SEG_OFFSET]
                cmp             r11d, 128
                jb              4f
3:              ctr_group       0, 1, 2, 3, 4, 5, 6, 7          # 8 in flight fill the AES units' latency
                ctr_advance     8
                cmp             r11d, 128
                jae             3b
4:              cmp             r11d, 64                        # a line
                jb              5f
                ctr_group       0, 1, 2, 3
                ctr_advance     4
5:              test            r11d, r11d                      # then single blocks
                jz              6f
                ctr_group       0
                ctr_advance     1
                jmp             5b
6:              add             rsi, SEG_BYTES
                dec             rdx
                jnz             2b
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
                pxor            xmm\n, xmm\n                    # wipe
.endr
                ret
.purgem         ctr_group
.purgem         ctr_advance
