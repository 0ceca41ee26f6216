# xts_lines: 64-byte lines, each an XTS data unit of its own, VAES, 256 bits          [contract]
#   in   rdi keys    16 * (ROUNDS + 1) bytes, in order of use for the direction
#        rsi tweaks  16 * r8 bytes: the first tweak of each line
#        rdx src     64 * r8 bytes
#        rcx dst     64 * r8 bytes, == src or disjoint
#        r8  count   lines, at least 1
#   out  for each line i and block j < 4: dst = AES(src ^ T_ij) ^ T_ij, T_i0 = tweaks[i], T_i(j+1) = T_ij * a
#        in GF(2^128) as IEEE 1619-2018, section 5.2 has it (little-endian, a^128 = a^7 + a^2 + a + 1)
#   uses rax, rcx, rdx, rsi, r8, ymm0-15; no stack, no calls; branches on r8 only
#   needs avx2, avx, vaes, vpclmulqdq
#   cost  64 bytes: 2 * ROUNDS AES instructions at 2 a cycle (10 or 14 cycles), and 12 beside AES for the tweaks;
#         no line waits for another, so the CPU runs as many side by side as it has room for
#
#   assembly-time numbers: ROUNDS = 10 or 14, DECRYPT = 0 or 1
#   data ymm0-1 | tweaks ymm2-3 | temporaries ymm4-5 | round key ymm6                       [map]
#   low half 0, high half 0x87 ymm7 | shifts ymm8 = 0, 0, 1, 1, ymm9 = 64 - ymm8, ymm10 = 2, 2, 3, 3, ymm11 = 64 - ymm10

.macro lines_shifts r, bytes
                mov             eax, \bytes
                vmovq           xmm\r, rax
                vpmovzxbq       ymm\r, xmm\r
.endm

# The tweak in both lanes of ymm4, times a to the powers whose shifts these are; ymm4 is kept.
.macro lines_tweaks r, left, right
                vpsllvq         \r, ymm4, \left
                vpsrlvq         ymm5, ymm4, \right              # what leaves either half
                vpclmulqdq      ymm6, ymm5, ymm7, 0x11          # out of the top: reduced
                vpunpcklqdq     ymm5, ymm7, ymm5                # out of the low half: into the high one
                vpxor           \r, \r, ymm6
                vpxor           \r, \r, ymm5
.endm

                mov             eax, 0x87
                vmovq           xmm7, rax
                vpslldq         xmm7, xmm7, 8
                vinserti128     ymm7, ymm7, xmm7, 1
                lines_shifts    8, 0x01010000
                lines_shifts    9, 0x3f3f4040
                lines_shifts    10, 0x03030202
                lines_shifts    11, 0x3d3d3e3e
2:              vbroadcasti128  ymm4, [rsi]                     # a line: its four tweaks
                lines_tweaks    ymm2, ymm8, ymm9
                lines_tweaks    ymm3, ymm10, ymm11
                vbroadcasti128  ymm6, [rdi]
                vpxor           ymm0, ymm6, [rdx]
                vpxor           ymm1, ymm6, [rdx + 32]
                vpxor           ymm0, ymm0, ymm2
                vpxor           ymm1, ymm1, ymm3
.set            KEY, 16
.rept           ROUNDS - 1
                vbroadcasti128  ymm6, [rdi + KEY]
                vaes_round      ymm0, ymm0, ymm6
                vaes_round      ymm1, ymm1, ymm6
.set            KEY, KEY + 16
.endr
                vbroadcasti128  ymm6, [rdi + 16 * ROUNDS]
                vaes_last       ymm0, ymm0, ymm6
                vaes_last       ymm1, ymm1, ymm6
                vpxor           ymm0, ymm0, ymm2
                vpxor           ymm1, ymm1, ymm3
                vmovdqu         [rcx], ymm0
                vmovdqu         [rcx + 32], ymm1
                add             rsi, 16
                add             rdx, 64
                add             rcx, 64
                dec             r8
                jnz             2b
                vzeroall                                        # wipe
                ret
.purgem         lines_shifts
.purgem         lines_tweaks
