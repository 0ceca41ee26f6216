# xts: runs of blocks of an XTS data unit, VAES with 256-bit vectors                    [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, in order of use for the direction
#        rsi segments  64 bytes each (SEG_* below)
#        rdx count     segments, at least 1
#        rcx scratch   1280 bytes, 32-byte aligned, not shared; what was written is zero at return
#   out  for each segment, j from 0: dst[j] = AES(src[j] ^ T_j) ^ T_j, T_0 = SEG_BEFORE, T_(j+1) = T_j * a
#        in GF(2^128) as IEEE 1619-2018, section 5.2 has it (little-endian, a^128 = a^7 + a^2 + a + 1);
#        SEG_END - SEG_OFFSET bytes
#   uses rax, rcx, rdx, rsi, r8-r11, ymm0-15; no stack, no calls; branches on SEG_OFFSET, SEG_END, rdx only
#   needs avx2, avx, vaes, vpclmulqdq, aes
#   cost  64 bytes: 2 * ROUNDS AES instructions at 2 a cycle (10 or 14 cycles). The next group's tweaks are
#         computed between the AES instructions of this one, each vector from one before it (no chain from
#         vector to vector): * a^16 in the first KiB, then * a^64, which is three operations
#
#   assembly-time numbers: ROUNDS = 10 or 14, DECRYPT = 0 or 1
#   data ymm0-7 | round key ymm8 | tweaks ymm9 | temporaries ymm10, ymm12                   [map]
#   low half 0, high half 0x87 ymm11
#   src r9 | dst r10 | bytes left r11 | this group's tweaks rcx + rax, the next group's rcx + r8:
#   first group at 0, then a ring from 256 to 1280; r8 = 0 until the ring is written

# r = ymm9 * a^n, 0 < n < 64.
.macro xts_power r, n
                vpsrlq          ymm10, ymm9, 64 - (\n)          # what leaves either half
                vpsllq          \r, ymm9, \n
                vpclmulqdq      ymm12, ymm10, ymm11, 0x11       # out of the top: reduced
                vpunpcklqdq     ymm10, ymm11, ymm10             # out of the low half: into the high one
                vpxor           \r, \r, ymm12
                vpxor           \r, \r, ymm10
.endm

# Vector n of the next group's tweaks: this group's * a^16 (STEP = 1), or what lies there * a^64 (2).
.macro xts_step STEP, n
.if \STEP == 1
                vmovdqa         ymm9, [rcx + rax + 32 * \n]
                xts_power       ymm9, 16
.else
                vmovdqa         ymm10, [rcx + r8 + 32 * \n]
                vpclmulqdq      ymm9, ymm10, ymm11, 0x11        # high half * 0x87
                vpunpcklqdq     ymm10, ymm11, ymm10             # low half into the high one
                vpxor           ymm9, ymm9, ymm10
.endif
                vmovdqa         [rcx + r8 + 32 * \n], ymm9
.endm

# One vector per lane, of class v (ymm: two blocks, xmm: one), under the tweaks at rcx + rax. STEP > 0 computes
# the next group's, one vector a round, in rounds 1 to 8.
.macro xts_group STEP, v, lanes:vararg
                vbroadcasti128  ymm8, [rdi]
.irp            n, \lanes
                vpxor           \v\n, \v\()8, [r9 + 32 * \n]
                vpxor           \v\n, \v\n, [rcx + rax + 32 * \n]
.endr
.set            ROUND, 1
.rept           ROUNDS - 1
                vbroadcasti128  ymm8, [rdi + 16 * ROUND]
.irp            n, \lanes
                vaes_round      \v\n, \v\n, \v\()8
.endr
.if \STEP
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
.if ROUND == \n + 1
                xts_step        \STEP, \n
.endif
.endr
.endif
.set            ROUND, ROUND + 1
.endr
                vbroadcasti128  ymm8, [rdi + 16 * ROUNDS]
.irp            n, \lanes
                vaes_last       \v\n, \v\n, \v\()8
                vpxor           \v\n, \v\n, [rcx + rax + 32 * \n]
                vmovdqu         [r10 + 32 * \n], \v\n
.endr
.endm

.macro xts_advance bytes
                add             r9, \bytes
                add             r10, \bytes
                sub             r11d, \bytes
.endm

# A group with all registers; 8 in flight fill the AES units' latency.
.macro xts_groups STEP
                mov             r8d, eax
                and             r8d, 1023
                add             r8d, 256
                xts_group       \STEP, ymm, 0, 1, 2, 3, 4, 5, 6, 7
                mov             eax, r8d
                xts_advance     256
                cmp             r11d, 256
.endm

                mov             eax, 0x87
                vmovq           xmm11, rax
                vpslldq         xmm11, xmm11, 8
                vinserti128     ymm11, ymm11, xmm11, 1
                xor             r8d, r8d
2:              mov             r9, [rsi + SEG_SRC]             # each segment
                mov             r10, [rsi + SEG_DST]
                mov             r11d, [rsi + SEG_END]
                sub             r11d, [rsi + SEG_OFFSET]
                vmovdqu         xmm9, [rsi + SEG_BEFORE]
                xts_power       ymm0, 1
                vinserti128     ymm9, ymm9, xmm0, 1             # T_0 and T_1
                vmovdqa         [rcx], ymm9
.irp            n, 1, 2, 3, 4, 5, 6, 7
                xts_power       ymm0, 2*\n
                vmovdqa         [rcx + 32 * \n], ymm0
.endr
                xor             eax, eax
                cmp             r11d, 256
                jb              5f
3:              xts_groups      1
                jb              5f
                cmp             eax, 1024                       # the ring is full
                jb              3b
4:              xts_groups      2
                jae             4b
5:              cmp             r11d, 64                        # the tail walks through the tweaks: lines,
                jb              6f
                xts_group       0, ymm, 0, 1
                xts_advance     64
                add             eax, 64
                jmp             5b
6:              test            r11d, r11d                      # then single blocks
                jz              7f
                xts_group       0, xmm, 0
                xts_advance     16
                add             eax, 16
                jmp             6b
7:              add             rsi, SEG_BYTES
                dec             rdx
                jnz             2b
                vzeroall                                        # wipe the registers, then the tweaks
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                vmovdqa         [rcx + 32 * \n], ymm0
.endr
                test            r8d, r8d
                jz              9f
                mov             r8d, 1024
8:
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                vmovdqa         [rcx + r8 + 32 * \n], ymm0
.endr
                sub             r8d, 256
                jnz             8b
9:              ret
.purgem         xts_power
.purgem         xts_step
.purgem         xts_group
.purgem         xts_advance
.purgem         xts_groups
