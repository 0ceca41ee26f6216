# rsa: a sum of products of 512-bit numbers grows by one product, MULX, ADCX and ADOX [contract]
#   in   rdi sum  17 words of 64 bits, lowest first
#        rsi a    8 words
#        rdx b    8 words; it may be a, and neither overlaps the sum
#   out  sum = (sum + a * b) mod 2^1088
#   prototype  void rsa_mulx(uint64_t sum[17], const uint64_t a[8], const uint64_t b[8])
#   uses rax, rcx, rdx, r8-r11; the stack for rbx, rbp, r12-r15; straight-line, no calls; the data is public
#   needs bmi2, adx
#   cost 64 multiplications and 153 additions
#
#   mathematics  row i takes the eight words w[0..8] that are worth 2^(64 i), and gives w + b[i] * a, which is at most
#        (2^512 - 1) + (2^64 - 1) * (2^512 - 1) = 2^64 * (2^512 - 1) < 2^576: nine words, and no carry leaves the ninth. Its lowest
#        word is done and goes to the sum, the others are the next row's w. The first w is the sum's low half. At the end
#        w, worth 2^512, is added to the other half of the sum; the carry goes to the last word, and out of that it is lost.
#   [map]
#   a rsi | b rcx | b[i] rdx | w: eight of r8-r15, rbx, and the ninth for the row's new word | low half of a product rax |
#   high half, and then zero, rbp

# w[0..9] = w[0..8] + b[i] * a; w[0] goes to the sum. The low halves are added with the carry flag, the high ones with the
# overflow flag.
.macro rsa_row i, w0, w1, w2, w3, w4, w5, w6, w7, w8
                xor             ebp, ebp                        # both flags are zero
                mov             rdx, [rcx + 8 * \i]
                rsa_step        0, \w0, \w1
                rsa_step        1, \w1, \w2
                rsa_step        2, \w2, \w3
                rsa_step        3, \w3, \w4
                rsa_step        4, \w4, \w5
                rsa_step        5, \w5, \w6
                rsa_step        6, \w6, \w7
                mulx            \w8, rax, [rsi + 56]
                adcx            \w7, rax
                mov             ebp, 0                          # leaves the flags alone
                adcx            \w8, rbp
                adox            \w8, rbp
                mov             [rdi + 8 * \i], \w0
.endm

.macro rsa_step j, low, high
                mulx            rbp, rax, [rsi + 8 * \j]
                adcx            \low, rax
                adox            \high, rbp
.endm

                push            rbx
                push            rbp
                push            r12
                push            r13
                push            r14
                push            r15
                mov             rcx, rdx
                mov             r8, [rdi]
                mov             r9, [rdi + 8]
                mov             r10, [rdi + 16]
                mov             r11, [rdi + 24]
                mov             r12, [rdi + 32]
                mov             r13, [rdi + 40]
                mov             r14, [rdi + 48]
                mov             r15, [rdi + 56]
                rsa_row         0, r8, r9, r10, r11, r12, r13, r14, r15, rbx
                rsa_row         1, r9, r10, r11, r12, r13, r14, r15, rbx, r8
                rsa_row         2, r10, r11, r12, r13, r14, r15, rbx, r8, r9
                rsa_row         3, r11, r12, r13, r14, r15, rbx, r8, r9, r10
                rsa_row         4, r12, r13, r14, r15, rbx, r8, r9, r10, r11
                rsa_row         5, r13, r14, r15, rbx, r8, r9, r10, r11, r12
                rsa_row         6, r14, r15, rbx, r8, r9, r10, r11, r12, r13
                rsa_row         7, r15, rbx, r8, r9, r10, r11, r12, r13, r14
                add             rbx, [rdi + 64]
                mov             [rdi + 64], rbx
                adc             r8, [rdi + 72]
                mov             [rdi + 72], r8
                adc             r9, [rdi + 80]
                mov             [rdi + 80], r9
                adc             r10, [rdi + 88]
                mov             [rdi + 88], r10
                adc             r11, [rdi + 96]
                mov             [rdi + 96], r11
                adc             r12, [rdi + 104]
                mov             [rdi + 104], r12
                adc             r13, [rdi + 112]
                mov             [rdi + 112], r13
                adc             r14, [rdi + 120]
                mov             [rdi + 120], r14
                adc             rbp, [rdi + 128]                # rbp is zero
                mov             [rdi + 128], rbp
                pop             r15
                pop             r14
                pop             r13
                pop             r12
                pop             rbp
                pop             rbx
                ret

.purgem rsa_row
.purgem rsa_step
