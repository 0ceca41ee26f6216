# ctr: counter mode, VAES with 256-bit vectors                                          [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, in order of use
#        rsi segments  64 bytes each (SEG_* below)
#        rdx count     segments, at least 1
#        rcx constants CONST_* below: the numbers 0 to 64 as blocks, then the order of bytes that turns a block round
#   out  for each segment, j from 0: dst[j] = src[j] ^ AES(turn(C + j)), where C is SEG_BEFORE and the sum is that of the
#        low 64 bits, without a carry out of them: the segment ends before they do;
#        SEG_END - SEG_OFFSET bytes, at most 4096
#   uses rdx, rsi, r9-r11, ymm0-15; no stack, no calls; branches on SEG_OFFSET, SEG_END and rdx only
#   needs avx2, avx, vaes, aes
#   cost  64 bytes: 2 * ROUNDS AES instructions at 2 a cycle (10 or 14 cycles); two sums, two shuffles and four logic
#         operations beside them
#
#   assembly-time numbers: ROUNDS = 10 or 14
#   data ymm0-7 | round key ymm8 | first key ymm9 | last key ymm10 | counter, twice ymm11 | order ymm12     [map]
#   src r9 | dst r10 | bytes left r11

# One vector per lane, of class v (ymm: two blocks, xmm: one).
.macro ctr_group v, lanes:vararg
.irp            n, \lanes
                vpaddq          \v\n, \v\()11, [rcx + CONST_NUMBERS + 32 * \n]
                vpshufb         \v\n, \v\n, \v\()12
                vpxor           \v\n, \v\n, \v\()9
.endr
.set            KEY, 16
.rept           ROUNDS - 1
                vbroadcasti128  ymm8, [rdi + KEY]
.irp            n, \lanes
                vaesenc         \v\n, \v\n, \v\()8
.endr
.set            KEY, KEY + 16
.endr
.irp            n, \lanes
                vaesenclast     \v\n, \v\n, \v\()10
                vpxor           \v\n, \v\n, [r9 + 32 * \n]
                vmovdqu         [r10 + 32 * \n], \v\n
.endr
.endm

# Moves on by so many blocks.
.macro ctr_advance blocks
                vbroadcasti128  ymm8, [rcx + CONST_NUMBERS + 16 * \blocks]
                vpaddq          ymm11, ymm11, ymm8
                add             r9, 16 * \blocks
                add             r10, 16 * \blocks
                sub             r11d, 16 * \blocks
.endm

                vbroadcasti128  ymm9, [rdi]
                vbroadcasti128  ymm10, [rdi + 16 * ROUNDS]
                vbroadcasti128  ymm12, [rcx + CONST_ORDER]
2:              mov             r9, [rsi + SEG_SRC]             # each segment
                mov             r10, [rsi + SEG_DST]
                vpbroadcastq    ymm11, [rsi + SEG_BEFORE]       # by halves, as they were stored just now: a load of
                vpbroadcastq    ymm8, [rsi + SEG_BEFORE + 8]    #   both would wait until the stores are through
                vpunpcklqdq     ymm11, ymm11, ymm8
                mov             r11d, [rsi + SEG_END]
                sub             r11d, [rsi + SEG_OFFSET]
                cmp             r11d, 256
                jb              4f
3:              ctr_group       ymm, 0, 1, 2, 3, 4, 5, 6, 7     # 8 in flight fill the AES units' latency
                ctr_advance     16
                cmp             r11d, 256
                jae             3b
4:              cmp             r11d, 64                        # lines overlap by themselves: none waits
                jb              5f                              #   for another
                ctr_group       ymm, 0, 1
                ctr_advance     4
                jmp             4b
5:              test            r11d, r11d                      # then single blocks
                jz              6f
                ctr_group       xmm, 0
                ctr_advance     1
                jmp             5b
6:              add             rsi, SEG_BYTES
                dec             rdx
                jnz             2b
                vzeroall                                        # wipe
                ret
.purgem         ctr_group
.purgem         ctr_advance
