# xts_lines: 64-byte lines, each an XTS data unit of its own, VAES, 512 bits          [contract]
#   in   rdi keys    16 * (ROUNDS + 1) bytes, in order of use for the direction
#        rsi tweaks  16 * r8 bytes: the first tweak of each line
#        rdx src     64 * r8 bytes
#        rcx dst     64 * r8 bytes, == src or disjoint
#        r8  count   lines, at least 1
#   out  for each line i and block j < 4: dst = AES(src ^ T_ij) ^ T_ij, T_i0 = tweaks[i], T_i(j+1) = T_ij * a
#        in GF(2^128) as IEEE 1619-2018, section 5.2 has it (little-endian, a^128 = a^7 + a^2 + a + 1)
#   uses rax, rcx, rdx, rsi, r8, k1, zmm0-30; no stack, no calls; branches on r8 only
#   needs avx512f, vaes, vpclmulqdq, avx
#   cost  64 bytes: ROUNDS AES instructions, at 2 a cycle 5 or 7 cycles (at 1 a cycle, Zen 4, twice that), and 7
#         beside AES for the tweaks. One vector is one line; no line waits for another, so the CPU runs as many
#         side by side as it has room for
#
#   assembly-time numbers: ROUNDS = 10 or 14, DECRYPT = 0 or 1
#   data zmm0 | tweaks zmm1 | temporaries zmm2-3 | shifts zmm14 = 0, 0, 1, 1, 2, 2, 3, 3, zmm15 = 64 - zmm14   [map]
#   low half 0, high half 0x87 zmm13 | keys 0 to ROUNDS - 1 zmm16-29 | last key zmm30

.irp            key, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
.if \key - 16 < ROUNDS
                vbroadcasti32x4 zmm\key, [rdi + 16 * (\key - 16)]
.endif
.endr
                vbroadcasti32x4 zmm30, [rdi + 16 * ROUNDS]
                movabs          rax, 0x0303020201010000
                vmovq           xmm14, rax
                vpmovzxbq       zmm14, xmm14
                movabs          rax, 0x3d3d3e3e3f3f4040
                vmovq           xmm15, rax
                vpmovzxbq       zmm15, xmm15
                mov             eax, 0xaa
                kmovw           k1, eax
                mov             eax, 0x87
                vpbroadcastq    zmm13{k1}{z}, rax
2:              vbroadcasti32x4 zmm2, [rsi]                     # a line: its four tweaks
                vpsllvq         zmm1, zmm2, zmm14
                vpsrlvq         zmm2, zmm2, zmm15               # what leaves either half
                vpclmulqdq      zmm3, zmm2, zmm13, 0x11         # out of the top: reduced
                vpunpcklqdq     zmm2, zmm13, zmm2               # out of the low half: into the high one
                vpternlogq      zmm1, zmm2, zmm3, 0x96
                vpxorq          zmm0, zmm16, [rdx]
                vpxorq          zmm0, zmm0, zmm1
.irp            key, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
.if \key - 16 < ROUNDS
                vaes_round      zmm0, zmm0, zmm\key
.endif
.endr
                vaes_last       zmm0, zmm0, zmm30
                vpxorq          zmm0, zmm0, zmm1
                vmovdqu64       [rcx], zmm0
                add             rsi, 16
                add             rdx, 64
                add             rcx, 64
                dec             r8
                jnz             2b
.irp            key, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
                vpxorq          zmm\key, zmm\key, zmm\key       # wipe
.endr
                vzeroall                                        #   zmm0 to zmm15
                ret
