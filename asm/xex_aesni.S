# xex: blocks whitened by a linear address tweak (XE and XEX), AES-NI                   [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, 16-byte aligned, in order of use for the direction
#        rsi before    4096 bytes, 16-byte aligned: whitening by place in the page, ahead of AES
#        rdx after     4096 bytes, 16-byte aligned: the same, behind AES
#        rcx segments  64 bytes each (SEG_* below), 16-byte aligned
#        r8  count     segments, at least 1
#   out  for each segment, j from 0: dst[j] = AES(src[j] ^ B ^ before[j]) ^ A ^ after[j], where B and A are
#        the segment's bases and the tables are entered at SEG_OFFSET; SEG_END lies inside the page.
#        XEX: before = after = T, B = A.  XE: the side that has no whitening gets zeros (table and base).
#   uses rax, rcx, r8-r11, xmm0-10; no stack, no calls; branches on SEG_OFFSET, SEG_END and r8 only
#   needs sse2, aes
#   cost  64 bytes: 4 * ROUNDS AES instructions at 2 a cycle (20 or 28 cycles); the bases are folded into
#         the first and the last round key once a segment, so the tweak costs two xors a block
#
#   assembly-time numbers: ROUNDS = 10 or 14, DECRYPT = 0 or 1
#   data xmm0-7 | round key xmm8 | first key ^ B xmm9 | last key ^ A xmm10                  [map]
#   src r9 | dst r10 | bytes left r11 | place in the page, bytes rax

.macro xex_group lanes:vararg
.irp            n, \lanes
                movdqu          xmm\n, [r9 + 16 * \n]
                pxor            xmm\n, xmm9
                pxor            xmm\n, [rsi + rax + 16 * \n]
.endr
.set            KEY, 16
.rept           ROUNDS - 1
                movdqa          xmm8, [rdi + KEY]
.irp            n, \lanes
                aes_round       xmm\n, xmm8
.endr
.set            KEY, KEY + 16
.endr
.irp            n, \lanes
                aes_last        xmm\n, xmm10
                pxor            xmm\n, [rdx + rax + 16 * \n]
                movdqu          [r10 + 16 * \n], xmm\n
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
                movdqa          xmm9, [rdi]
                pxor            xmm9, [rcx + SEG_BEFORE]
                movdqa          xmm10, [rdi + 16 * ROUNDS]
                pxor            xmm10, [rcx + SEG_AFTER]
                cmp             r11d, 128
                jb              4f
3:              xex_group       0, 1, 2, 3, 4, 5, 6, 7          # 8 in flight fill the AES units' latency
                xex_advance     128
                cmp             r11d, 128
                jae             3b
4:              cmp             r11d, 64                        # a line
                jb              5f
                xex_group       0, 1, 2, 3
                xex_advance     64
5:              test            r11d, r11d                      # then single blocks
                jz              6f
                xex_group       0
                xex_advance     16
                jmp             5b
6:              add             rcx, SEG_BYTES
                dec             r8
                jnz             2b
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
                pxor            xmm\n, xmm\n                    # wipe
.endr
                ret
.purgem         xex_group
.purgem         xex_advance
