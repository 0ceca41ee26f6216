# ctr: counter mode, VAES with 512-bit vectors                                          [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, in order of use
#        rsi segments  64 bytes each (SEG_* below)
#        rdx count     segments, at least 1
#        rcx constants CONST_* below, 64-byte aligned: the numbers 0 to 64 as blocks, then the order of bytes that turns
#                      a block round, four times
#   out  for each segment, j from 0: dst[j] = src[j] ^ AES(turn(C + j)), where C is SEG_BEFORE and the sum is that of the
#        low 64 bits, without a carry out of them: the segment ends before they do;
#        SEG_END - SEG_OFFSET bytes, at most 4096
#   uses rax, rdx, rsi, r9-r11, zmm0-31; no stack, no calls; branches on SEG_OFFSET, SEG_END and rdx only;
#        SEG_PREFETCH is prefetched from, never accessed
#   needs avx512f, avx512vl, avx512bw, vaes, avx
#   cost  64 bytes: ROUNDS AES instructions, at 2 a cycle 5 or 7 cycles (at 1 a cycle, Zen 4, twice that); a sum, a
#         shuffle and two logic operations beside them
#
#   assembly-time numbers: ROUNDS = 10 or 14
#   data zmm0-15 | keys 1 to ROUNDS - 1 zmm16-28 | first key zmm29 | last key zmm30 | counter, four times zmm31   [map]
#   src r9 | dst r10 | bytes left r11 | prefetch rax

# The steps of a group, one vector per lane, of class v (zmm: four blocks, xmm: one).
.macro ctr_begin v, lanes:vararg
.irp            n, \lanes
                vpaddq          \v\n, \v\()31, [rcx + CONST_NUMBERS + 64 * \n]
                vpshufb         \v\n, \v\n, [rcx + CONST_ORDER]
                vpxorq          \v\n, \v\n, \v\()29
.endr
.endm

.macro ctr_round key, v, lanes:vararg
.irp            n, \lanes
                vaesenc         \v\n, \v\n, \v\key
.endr
.endm

# Rounds first to last, which are below ROUNDS.
.macro ctr_rounds first, last, v, lanes:vararg
.irp            key, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
.if (\key - 15 >= \first) && (\key - 15 <= \last)
                ctr_round       \key, \v, \lanes
.endif
.endr
.endm

.macro ctr_store v, lanes:vararg
.irp            n, \lanes
                vaesenclast     \v\n, \v\n, \v\()30
                vpxorq          \v\n, \v\n, [r9 + 64 * \n]
                vmovdqu64       [r10 + 64 * \n], \v\n
.endr
.endm

# A round of one half, and a line on its way: a burst of prefetches would wait for buffers.
.macro ctr_half round, line, lanes:vararg
                ctr_rounds      \round, \round, zmm, \lanes
                prefetcht0      [rax + 64 * (\line)]
.endm

# 1 KiB, in two halves of which the second runs five rounds behind the first.
.macro ctr_group
                ctr_begin       zmm, 0, 1, 2, 3, 4, 5, 6, 7
.irp            n, 1, 2, 3, 4, 5
                ctr_half        \n, (\n - 1), 0, 1, 2, 3, 4, 5, 6, 7
.endr
                ctr_begin       zmm, 8, 9, 10, 11, 12, 13, 14, 15
.irp            n, 6, 7, 8, 9, 10, 11, 12, 13
.if \n < ROUNDS
                ctr_rounds      \n, \n, zmm, 0, 1, 2, 3, 4, 5, 6, 7
.if \n < 12
                ctr_half        (\n - 5), (\n - 1), 8, 9, 10, 11, 12, 13, 14, 15
.else
                ctr_rounds      (\n - 5), (\n - 5), zmm, 8, 9, 10, 11, 12, 13, 14, 15
.endif
.endif
.endr
                ctr_store       zmm, 0, 1, 2, 3, 4, 5, 6, 7
.if ROUNDS < 12
                prefetcht0      [rax + 64 * 9]                  # for which there was no round
                prefetcht0      [rax + 64 * 10]
.endif
.irp            n, 5, 4, 3, 2, 1
                ctr_half        (ROUNDS - \n), (16 - \n), 8, 9, 10, 11, 12, 13, 14, 15
.endr
                ctr_store       zmm, 8, 9, 10, 11, 12, 13, 14, 15
.endm

.macro ctr_vector v
                ctr_begin       \v, 0
                ctr_rounds      1, (ROUNDS - 1), \v, 0
                ctr_store       \v, 0
.endm

# Moves on by so many blocks.
.macro ctr_advance blocks
                vbroadcasti32x4 zmm0, [rcx + CONST_NUMBERS + 16 * \blocks]
                vpaddq          zmm31, zmm31, zmm0
                add             r9, 16 * \blocks
                add             r10, 16 * \blocks
                sub             r11d, 16 * \blocks
.endm

.irp            key, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
.if \key - 15 < ROUNDS
                vbroadcasti32x4 zmm\key, [rdi + 16 * (\key - 15)]
.endif
.endr
                vbroadcasti32x4 zmm29, [rdi]
                vbroadcasti32x4 zmm30, [rdi + 16 * ROUNDS]
2:              mov             r9, [rsi + SEG_SRC]             # each segment
                mov             r10, [rsi + SEG_DST]
                vpbroadcastq    zmm31, [rsi + SEG_BEFORE]       # by halves, as they were stored just now: a load of
                vpbroadcastq    zmm0, [rsi + SEG_BEFORE + 8]    #   both would wait until the stores are through
                vpunpcklqdq     zmm31, zmm31, zmm0
                mov             r11d, [rsi + SEG_END]
                sub             r11d, [rsi + SEG_OFFSET]
                mov             rax, [rsi + SEG_PREFETCH]
                cmp             r11d, 1024
                jb              4f
3:              ctr_group
                add             rax, 1024
                ctr_advance     64
                cmp             r11d, 1024
                jae             3b
4:              cmp             r11d, 64                        # lines overlap by themselves: none waits
                jb              5f                              #   for another
                ctr_vector      zmm
                ctr_advance     4
                jmp             4b
5:              test            r11d, r11d                      # then single blocks
                jz              6f
                ctr_vector      xmm
                ctr_advance     1
                jmp             5b
6:              add             rsi, SEG_BYTES
                dec             rdx
                jnz             2b
.irp            n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
.if \n - 15 < ROUNDS
                vpxorq          zmm\n, zmm\n, zmm\n             # wipe
.endif
.endr
                vpxorq          zmm29, zmm29, zmm29
                vpxorq          zmm30, zmm30, zmm30
                vpxorq          zmm31, zmm31, zmm31
                vzeroall                                        #   zmm0 to zmm15
                ret
.purgem         ctr_begin
.purgem         ctr_round
.purgem         ctr_rounds
.purgem         ctr_store
.purgem         ctr_half
.purgem         ctr_group
.purgem         ctr_vector
.purgem         ctr_advance
