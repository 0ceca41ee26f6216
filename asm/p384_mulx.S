# p384: numbers modulo p = 2^384 - 2^128 - 2^96 + 2^32 - 1, in Montgomery's form with R = 2^384 [contract]
#   in   rdi out        6 words of 64 bits, the lowest first; may be the same place as a or b
#        rsi a          6 words: a number below p
#        rdx b          likewise (where BODY is MUL, ADD or SUB)
#   out  out, below p:  MUL a * b / R   SQR a * a / R   ADD a + b   SUB a - b   HALF a / 2        (modulo p)
#   uses rax, rcx, rdx, rsi, r8-r11; the stack, for rbx, rbp, rdi, r12-r15; no calls, no branches
#   needs bmi2, adx
#   cost  MUL 36 multiplications and 171 additions, SQR 21 and 134, ADD and SUB 14, HALF 16
#
#   assembly-time numbers: BODY, and its values MUL, SQR, ADD, SUB, HALF                                    [map]
#   MUL  accumulator r8-r15, each row one word further on | b rbx | a word of it rdx | products rcx, rax
#   SQR  square rdi, r8-r15, rbx, rbp, rsi | products rcx, rax
#
# A reduction takes one word off at the bottom. p is -1 modulo 2^32, and p = 2^384 - K with K = 2^128 + 2^96 - 2^32 + 1. With
# q = d0 + 2^32 * d0 modulo 2^64, q * K ends in the word d0, so that q * p added clears it. What else q * K has is taken from
# the words above, and q is added 6 words up: no multiplication.

# d1 to d5 less q * K / 2^64, and d0 = q less what was borrowed: what is to be added above d5. Uses rax, rcx, rdx.
.macro p384_reduce d0, d1, d2, d3, d4, d5
                mov             rax, \d0
                shl             rax, 32
                add             \d0, rax                        # q; its carry c
                rorx            rdx, \d0, 32
                mov             ecx, edx                        # the high half of q
                sbb             rax, rcx                        # the low half * 2^32 - the high half - c
                sbb             rcx, 0
                mov             edx, 0
                add             rcx, \d0
                adc             rdx, 0
                sub             \d1, rax
                sbb             \d2, rcx
                sbb             \d3, rdx
                sbb             \d4, 0
                sbb             \d5, 0
                sbb             \d0, 0
.endm

# Six words to memory, and from there.
.macro p384_store to, r0, r1, r2, r3, r4, r5
                mov             [\to], \r0
                mov             [\to + 8], \r1
                mov             [\to + 16], \r2
                mov             [\to + 24], \r3
                mov             [\to + 32], \r4
                mov             [\to + 40], \r5
.endm

.macro p384_load r0, r1, r2, r3, r4, r5, from
                mov             \r0, [\from]
                mov             \r1, [\from + 8]
                mov             \r2, [\from + 16]
                mov             \r3, [\from + 24]
                mov             \r4, [\from + 32]
                mov             \r5, [\from + 40]
.endm

.macro p384_push registers:vararg
.irp            register, \registers
                push            \register
.endr
.endm

.macro p384_pop registers:vararg
.irp            register, \registers
                pop             \register
.endr
.endm

# r = s - p, or s where that is negative, goes to out. s: 7 words, below 2 p.
.macro p384_finish out, s0, s1, s2, s3, s4, s5, s6, r0, r1, r2, r3, r4, r5
                mov             \r5, 0xffffffff
                mov             \r0, \s0
                sub             \r0, \r5
                mov             \r5, 0xffffffff00000000
                mov             \r1, \s1
                sbb             \r1, \r5
                mov             \r2, \s2
                sbb             \r2, -2
                mov             \r3, \s3
                sbb             \r3, -1
                mov             \r4, \s4
                sbb             \r4, -1
                mov             \r5, \s5
                sbb             \r5, -1
                sbb             \s6, 0
                cmovc           \r0, \s0
                cmovc           \r1, \s1
                cmovc           \r2, \s2
                cmovc           \r3, \s3
                cmovc           \r4, \s4
                cmovc           \r5, \s5
                p384_store      \out, \r0, \r1, \r2, \r3, \r4, \r5
.endm

# The word of a at this offset times rdx, added to two words.
.macro p384_product at, low, high
                mulx            rax, rcx, [rsi + \at]
                adcx            \low, rcx
                adox            \high, rax
.endm

# t += a * the word of b at this offset; then t0 goes, and t1 to t7 are the accumulator.
.macro p384_row at, t0, t1, t2, t3, t4, t5, t6, t7
                mov             rdx, [rbx + \at]
                xor             \t7, \t7
                p384_product    0, \t0, \t1
                p384_product    8, \t1, \t2
                p384_product    16, \t2, \t3
                p384_product    24, \t3, \t4
                p384_product    32, \t4, \t5
                p384_product    40, \t5, \t6
                adcx            \t6, \t7
                adox            \t7, \t7
                adc             \t7, 0
                p384_reduce     \t0, \t1, \t2, \t3, \t4, \t5
                add             \t6, \t0
                adc             \t7, 0
.endm

# Twice the two words and the square of rdx.
.macro p384_diagonal low, high
                mulx            rax, rcx, rdx
                adcx            \low, \low
                adox            \low, rcx
                adcx            \high, \high
                adox            \high, rax
.endm

.if BODY == MUL
                p384_push       rbx, r12, r13, r14, r15
                mov             rbx, rdx
                mov             rdx, [rbx]
                mulx            r9, r8, [rsi]
                mulx            r10, rax, [rsi + 8]
                add             r9, rax
                mulx            r11, rax, [rsi + 16]
                adc             r10, rax
                mulx            r12, rax, [rsi + 24]
                adc             r11, rax
                mulx            r13, rax, [rsi + 32]
                adc             r12, rax
                mulx            r14, rax, [rsi + 40]
                adc             r13, rax
                adc             r14, 0
                p384_reduce     r8, r9, r10, r11, r12, r13
                mov             r15d, 0
                add             r14, r8
                adc             r15, 0
                p384_row        8, r9, r10, r11, r12, r13, r14, r15, r8
                p384_row        16, r10, r11, r12, r13, r14, r15, r8, r9
                p384_row        24, r11, r12, r13, r14, r15, r8, r9, r10
                p384_row        32, r12, r13, r14, r15, r8, r9, r10, r11
                p384_row        40, r13, r14, r15, r8, r9, r10, r11, r12
                p384_finish     rdi, r14, r15, r8, r9, r10, r11, r12, rax, rcx, rdx, rsi, rbx, r13
                p384_pop        r15, r14, r13, r12, rbx
                ret
.endif

.if BODY == SQR
                p384_push       rbx, rbp, r12, r13, r14, r15, rdi
                mov             rdx, [rsi]                      # products of two different words
                mulx            r9, r8, [rsi + 8]
                mulx            r10, rcx, [rsi + 16]
                add             r9, rcx
                mulx            r11, rcx, [rsi + 24]
                adc             r10, rcx
                mulx            r12, rcx, [rsi + 32]
                adc             r11, rcx
                mulx            r13, rcx, [rsi + 40]
                adc             r12, rcx
                adc             r13, 0
                mov             rdx, [rsi + 8]
                xor             r15, r15
                p384_product    16, r10, r11
                p384_product    24, r11, r12
                p384_product    32, r12, r13
                mulx            r14, rcx, [rsi + 40]
                adcx            r13, rcx
                adcx            r14, r15
                adox            r14, r15
                mov             rdx, [rsi + 16]
                xor             rbx, rbx
                p384_product    24, r12, r13
                p384_product    32, r13, r14
                mulx            r15, rcx, [rsi + 40]
                adcx            r14, rcx
                adcx            r15, rbx
                adox            r15, rbx
                mov             rdx, [rsi + 24]
                xor             rbp, rbp
                p384_product    32, r14, r15
                mulx            rbx, rcx, [rsi + 40]
                adcx            r15, rcx
                adcx            rbx, rbp
                adox            rbx, rbp
                mov             rdx, [rsi + 32]
                mulx            rbp, rcx, [rsi + 40]
                add             rbx, rcx
                adc             rbp, 0
                mov             rdx, [rsi]                      # all of them twice, and the squares
                xor             eax, eax
                mulx            rax, rdi, rdx
                adcx            r8, r8
                adox            r8, rax
                mov             rdx, [rsi + 8]
                p384_diagonal   r9, r10
                mov             rdx, [rsi + 16]
                p384_diagonal   r11, r12
                mov             rdx, [rsi + 24]
                p384_diagonal   r13, r14
                mov             rdx, [rsi + 32]
                p384_diagonal   r15, rbx
                mov             rdx, [rsi + 40]
                mov             esi, 0
                p384_diagonal   rbp, rsi
                p384_reduce     rdi, r8, r9, r10, r11, r12      # the low half; q goes on top of it
                p384_reduce     r8, r9, r10, r11, r12, rdi
                p384_reduce     r9, r10, r11, r12, rdi, r8
                p384_reduce     r10, r11, r12, rdi, r8, r9
                p384_reduce     r11, r12, rdi, r8, r9, r10
                p384_reduce     r12, rdi, r8, r9, r10, r11
                mov             eax, 0
                add             rdi, r13                        # and the high half
                adc             r8, r14
                adc             r9, r15
                adc             r10, rbx
                adc             r11, rbp
                adc             r12, rsi
                adc             rax, 0
                pop             rdx
                p384_finish     rdx, rdi, r8, r9, r10, r11, r12, rax, r13, r14, r15, rbx, rbp, rsi
                p384_pop        r15, r14, r13, r12, rbp, rbx
                ret
.endif

.if BODY == ADD
                p384_push       rbx, r12, r13, r14, r15
                p384_load       r8, r9, r10, r11, r12, r13, rsi
                mov             r14d, 0
                add             r8, [rdx]
                adc             r9, [rdx + 8]
                adc             r10, [rdx + 16]
                adc             r11, [rdx + 24]
                adc             r12, [rdx + 32]
                adc             r13, [rdx + 40]
                adc             r14, 0
                p384_finish     rdi, r8, r9, r10, r11, r12, r13, r14, rax, rcx, rdx, rsi, rbx, r15
                p384_pop        r15, r14, r13, r12, rbx
                ret
.endif

.if BODY == SUB
                p384_load       rax, r8, r9, r10, r11, rsi, rsi
                sub             rax, [rdx]
                sbb             r8, [rdx + 8]
                sbb             r9, [rdx + 16]
                sbb             r10, [rdx + 24]
                sbb             r11, [rdx + 32]
                sbb             rsi, [rdx + 40]
                sbb             ecx, ecx                        # where a < b, less K: 2^32 - 1,
                mov             rdx, rcx
                neg             rdx                             #   2^64 - 2^32 + 1
                sub             rax, rdx
                mov             edx, edx                        #   and 1
                sbb             r8, rcx
                sbb             r9, rdx
                sbb             r10, 0
                sbb             r11, 0
                sbb             rsi, 0
                p384_store      rdi, rax, r8, r9, r10, r11, rsi
                ret
.endif

# A word and the lowest bit of the next, shifted to the right. Uses rsi.
.macro p384_halve low, high
                mov             rsi, \high
                shl             rsi, 63
                shr             \low, 1
                add             \low, rsi
.endm

.if BODY == HALF
                push            rbx
                p384_load       rax, rcx, r8, r9, r10, r11, rsi
                mov             edx, 1
                and             rdx, rax
                p384_halve      rax, rcx
                p384_halve      rcx, r8
                p384_halve      r8, r9
                p384_halve      r9, r10
                p384_halve      r10, r11
                p384_halve      r11, rdx                        # of an odd number (a + p) / 2 = (a - 1) / 2 + 2^383
                mov             rbx, rdx                        #   - (2^127 + 2^95 - 2^31)
                shl             rbx, 31
                sub             rsi, rdx
                add             rsi, rbx                        #   in words 2^63 + 2^31 - 1
                neg             rbx                             #   and 2^64 - 2^31
                sub             rax, rbx
                sbb             rcx, rsi
                sbb             r8, 0
                sbb             r9, 0
                sbb             r10, 0
                sbb             r11, 0
                p384_store      rdi, rax, rcx, r8, r9, r10, r11
                pop             rbx
                ret
.endif
.purgem         p384_reduce
.purgem         p384_push
.purgem         p384_pop
.purgem         p384_store
.purgem         p384_load
.purgem         p384_finish
.purgem         p384_product
.purgem         p384_row
.purgem         p384_diagonal
.purgem         p384_halve
