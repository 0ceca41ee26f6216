# xex: blocks whitened by a linear address tweak (XE and XEX), VAES with 256-bit vectors [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, in order of use for the direction
#        rsi before    4096 bytes: whitening by place in the page, ahead of AES
#        rdx after     4096 bytes: the same, behind AES
#        rcx segments  64 bytes each (SEG_* below)
#        r8  count     segments, at least 1
#   out  for each segment, j from 0: dst[j] = AES(src[j] ^ B ^ before[j]) ^ A ^ after[j], where B and A are
#        the segment's bases and the tables are entered at SEG_OFFSET; SEG_END lies inside the page.
#        XEX: before = after = T, B = A.  XE: the side that has no whitening gets zeros (table and base).
#   uses rax, rcx, r8-r11, ymm0-15; no stack, no calls; branches on SEG_OFFSET, SEG_END and r8 only
#   needs avx2, avx, vaes, aes
#   cost  64 bytes: 2 * ROUNDS AES instructions at 2 a cycle (10 or 14 cycles); the bases are folded into
#         the first and the last round key once a segment, so the tweak costs two xors a vector
#
#   assembly-time numbers: ROUNDS = 10 or 14, DECRYPT = 0 or 1
#   data ymm0-7 | round key ymm8 | first key ^ B ymm9 | last key ^ A ymm10                  [map]
#   src r9 | dst r10 | bytes left r11 | place in the page, bytes rax

# One vector per lane, of class v (ymm: two blocks, xmm: one).
.macro xex_group v, lanes:vararg
.irp            n, \lanes
                vpxor           \v\n, \v\()9, [r9 + 32 * \n]
                vpxor           \v\n, \v\n, [rsi + rax + 32 * \n]
.endr
.set            KEY, 16
.rept           ROUNDS - 1
                vbroadcasti128  ymm8, [rdi + KEY]
.irp            n, \lanes
                vaes_round      \v\n, \v\n, \v\()8
.endr
.set            KEY, KEY + 16
.endr
.irp            n, \lanes
                vaes_last       \v\n, \v\n, \v\()10
                vpxor           \v\n, \v\n, [rdx + rax + 32 * \n]
                vmovdqu         [r10 + 32 * \n], \v\n
.endr
.endm

# Moves on by `bytes`; the flags tell whether any are left.
.macro xex_advance bytes
                add             r9, \bytes
                add             r10, \bytes
                add             rax, \bytes
                sub             r11d, \bytes
.endm

2:              mov             r9, [rcx + SEG_SRC]             # each segment
                mov             r10, [rcx + SEG_DST]
                mov             eax, [rcx + SEG_OFFSET]
                mov             r11d, [rcx + SEG_END]
                sub             r11d, eax
                vbroadcasti128  ymm9, [rdi]
                vbroadcasti128  ymm8, [rcx + SEG_BEFORE]
                vpxor           ymm9, ymm9, ymm8
                vbroadcasti128  ymm10, [rdi + 16 * ROUNDS]
                vbroadcasti128  ymm8, [rcx + SEG_AFTER]
                vpxor           ymm10, ymm10, ymm8
                cmp             r11d, 256
                jb              4f
3:              xex_group       ymm, 0, 1, 2, 3, 4, 5, 6, 7     # 8 in flight fill the AES units' latency
                xex_advance     256
                cmp             r11d, 256
                jae             3b
4:              cmp             r11d, 64                        # lines overlap by themselves: none waits
                jb              5f                              #   for another
                xex_group       ymm, 0, 1
                xex_advance     64
                jmp             4b
5:              test            r11d, r11d                      # then single blocks
                jz              6f
                xex_group       xmm, 0
                xex_advance     16
                jmp             5b
6:              add             rcx, SEG_BYTES
                dec             r8
                jnz             2b
                vzeroall                                        # wipe
                ret
.purgem         xex_group
.purgem         xex_advance
