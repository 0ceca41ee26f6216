# gcm: a whole message sealed or opened, VAES and VPCLMULQDQ with 512-bit vectors        [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, in order of use to encipher
#        rsi job       160 bytes (JOB_* below), not shared
#        rdx constants 320 bytes (CONST_* below), 64-byte aligned
#   out  dst           block j: src ^ AES(nonce, 2 + j), for 512 * SETS + TAIL bytes, TAIL at most 512; the same as src or
#                      disjoint
#        JOB_HASH      AES(nonce, 1) + Y turned round, where Y is zero at first, or JOB_HASH if AAD_LEN is zero and
#                      JOB_CARRIED is not, and then for each block X of the AAD, of the ciphertext, both filled up with
#                      zeroes, and of AAD_BITS and TEXT_BITS: Y = (Y + X) * T_1, the product by x^-128 as RFC 8452 has it, on
#                      turned bytes
#   with JOB_NONCE     the nonce turned round behind 4 zero bytes
#        JOB_AAD       AAD_LEN bytes, 0 to 64
#        JOB_POWERS    where the first run of hashed blocks begins in the powers. They end with T_1; the sums of their halves
#                      lie JOB_DISTANCE behind them. 48 bytes behind either's end are read, and meet zeroes
#        JOB_RUN       sets hashed in the first run, or more than there are: the run then ends with the message
#        JOB_LATER     sets of every later run but the last, from JOB_LATER_POWERS on. When no more than JOB_LAST sets
#                      remain, the last run begins, 512 bytes a set ahead of JOB_LAST_POWERS, where the tail's powers are
#   uses rax, rcx, rdx, rsi, rdi, r8-r11, k1, zmm0-31; no stack, no calls; branches on lengths and counts only
#   needs avx512f, avx512vl, avx512bw, avx, bmi2, vaes, vpclmulqdq
#   cost  64 bytes: ROUNDS AES instructions, 3 carry-less products, a byte shuffle for the hash, a quarter of one for the counter.
#         Of two sets of 512 bytes one does its last rounds while the other does its first; what is hashed meanwhile is
#         the set before (text) or the one in its last rounds (ciphertext)
#
#   assembly-time numbers: ROUNDS = 10 or 14, TEXT = 0 or 1: whether the source is text, to be enciphered
#   two sets zmm0-7, zmm8-15 | counters zmm16 | order of bytes zmm17 | low zmm18 | middle zmm19      [map]
#   high zmm20 | AES(nonce, 1) xmm21 | keys zmm22, zmm23 | hash zmm24-31
#   src r8 | dst r9 | sets left r10 | sets left in this run r11 | powers rax | distance rcx

.set            HALF, ROUNDS / 2

# Counter blocks of vector \n modulo 8 of a set. Sets begin at 2, 34 and so on: up to the seventh vector of a set only the
# last byte of its blocks goes on, without a carry.
.macro gcm_counters n
.if \n % 8 == 0
                vpshufb         zmm\n, zmm16, zmm17
                vpaddd          zmm16, zmm16, [rdx + CONST_SEVEN]
.elseif \n % 8 == 7
                vpshufb         zmm\n, zmm16, zmm17
                vpaddd          zmm16, zmm16, [rdx + CONST_FOUR]
.else
.irp            m, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
.if \m == \n - 1
                vpaddd          zmm\n, zmm\m, [rdx + CONST_STEP]
.endif
.endr
.endif
.endm

# The first key, in zmm23.
.macro gcm_whiten n
                vpxorq          zmm\n, zmm\n, zmm23
.endm

# Rounds \first to \last.
.macro gcm_rounds first, last, lanes:vararg
.set            ROUND, \first
.rept           \last - \first + 1
                vbroadcasti32x4 zmm22, [rdi + 16 * ROUND]
.irp            n, \lanes
.if ROUND == ROUNDS
                vaesenclast     zmm\n, zmm\n, zmm22
.else
                vaesenc         zmm\n, zmm\n, zmm22
.endif
.endr
.set            ROUND, ROUND + 1
.endr
.endm

# The set in registers \a to \a + 7 does its last rounds and is written, that in \b to \b + 7 does its first; unless
# \memory is 0, the set there is hashed.
.macro gcm_half a, b, memory
.set            DONE, 0
.set            HASHED, 0
                vbroadcasti32x4 zmm23, [rdi]
                vbroadcasti32x4 zmm22, [rdi + 16 * (HALF + 1)]
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                gcm_lane        \a, \n, vaesenc, zmm22
                gcm_lane        \b, \n, gcm_counters
.endr
                vbroadcasti32x4 zmm22, [rdi + 16]
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                gcm_lane        \b, \n, gcm_whiten
                gcm_lane        \b, \n, vaesenc, zmm22
.endr
.set            ROUND, 2
.rept           HALF - 1
                vbroadcasti32x4 zmm22, [rdi + 16 * (HALF + ROUND)]
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
.if ROUND == HALF
                gcm_lane        \a, \n, vaesenclast, zmm22
.else
                gcm_lane        \a, \n, vaesenc, zmm22
.endif
.ifnc \memory, none
                ghash512_some   \memory, (16 * (HALF - 1) - 8)
.endif
.endr
                vbroadcasti32x4 zmm23, [rdi + 16 * ROUND]
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                gcm_lane        \b, \n, vaesenc, zmm23
.if ROUND < HALF
.ifnc \memory, none
                ghash512_some   \memory, (16 * (HALF - 1) - 8)
.endif
.else
                gcm_lane        \a, \n, gcm_write
.endif
.endr
.set            ROUND, ROUND + 1
.endr
                add             r8, 512
                add             r9, 512
.endm

# \instruction on register \base + \n.
.macro gcm_lane base, n, instruction, key
.irp            m, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
.if \m == \base + \n
.ifb \key
                \instruction    \m
.else
                \instruction    zmm\m, zmm\m, \key
.endif
.endif
.endr
.endm

# Registers \lanes take what those \by behind them have.
.macro gcm_down by, lanes:vararg
.irp            n, \lanes
.irp            m, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
.if \m == \n + \by
                vmovdqa64       zmm\n, zmm\m
.endif
.endr
.endr
.endm

# Vector \n modulo 8 of a set.
.macro gcm_write n
                vpxorq          zmm\n, zmm\n, [r8 + 64 * (\n % 8)]
                vmovdqu64       [r9 + 64 * (\n % 8)], zmm\n
.endm

# A set has been hashed, and with it perhaps a run has ended. r10 sets are still to be hashed, or \left, if that is given.
.macro gcm_hashed left
                add             rax, 512
                dec             r11
                jnz             9f
                ghash512_reduce
                mov             rax, [rsi + JOB_LAST_POWERS]
.ifb \left
                mov             r11, r10
                cmp             r11, [rsi + JOB_LAST]
                jbe             8f
                mov             r11, [rsi + JOB_LATER]
                mov             rax, [rsi + JOB_LATER_POWERS]
                jmp             7f
8:              shl             r11, 9                          # from now on more than there are sets
                sub             rax, r11
.endif
7:              ghash512_begin  xmm18
9:
.endm

                vbroadcasti32x4 zmm17, [rdx + CONST_ORDER]
                vmovq           xmm16, [rsi + JOB_NONCE]
                vmovq           xmm22, [rsi + JOB_NONCE + 8]
                vpunpcklqdq     xmm16, xmm16, xmm22
                vpaddd          xmm21, xmm16, [rdx + CONST_ONE]
                vshufi32x4      zmm16, zmm16, zmm16, 0
                vpaddd          zmm16, zmm16, [rdx + CONST_LANES]
                vbroadcasti32x4 zmm23, [rdi]
                vpshufb         xmm21, xmm21, xmm17
                vpxorq          xmm21, xmm21, xmm23
                mov             rax, [rsi + JOB_POWERS]
                mov             rcx, [rsi + JOB_DISTANCE]
                vpxorq          xmm18, xmm18, xmm18
                vpxorq          xmm19, xmm19, xmm19
                vpxorq          xmm20, xmm20, xmm20
                mov             r11, [rsi + JOB_AAD_LEN]
                test            r11, r11
                jz              1f
                mov             r10, -1
                bzhi            r10, r10, r11
                kmovq           k1, r10
                mov             r10, [rsi + JOB_AAD]
                vmovdqu8        zmm24{k1}{z}, [r10]
                vpshufb         zmm24, zmm24, zmm17
                ghash512_add    zmm24
                add             r11, 15
                and             r11, -16
                add             rax, r11
                jmp             2f
1:              mov             r11, [rsi + JOB_CARRIED]
                test            r11, r11
                jz              2f
                vmovdqu64       xmm18, [rsi + JOB_HASH]
                ghash512_begin  xmm18
2:              mov             r8, [rsi + JOB_SRC]
                mov             r9, [rsi + JOB_DST]
                mov             r10, [rsi + JOB_SETS]
                test            r10, r10
                jnz             3f
                mov             r11, [rsi + JOB_TAIL]
                cmp             r11, 128
                ja              3f
                gcm_counters    0                               # a short message
                gcm_counters    1
                gcm_whiten      0
                gcm_whiten      1
                gcm_rounds      1, ROUNDS, 21, 0, 1
                jmp             6f
3:              mov             r11, [rsi + JOB_RUN]
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                gcm_counters    \n
.endr
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                gcm_whiten      \n
.endr
                gcm_rounds      1, HALF, 21, 0, 1, 2, 3, 4, 5, 6, 7
                gcm_rounds      (HALF + 1), ROUNDS, 21
                test            r10, r10
                jz              5f
.if TEXT
                gcm_half        0, 8, none
                dec             r10
                jz              4f
3:              gcm_half        8, 0, r9 - 512                  # two sets a turn
                gcm_hashed
                dec             r10
                jz              2f
                gcm_half        0, 8, r9 - 512
                gcm_hashed
                dec             r10
                jnz             3b
.else
3:              gcm_half        0, 8, r8
                dec             r10
                gcm_hashed
                test            r10, r10
                jz              4f
                gcm_half        8, 0, r8
                dec             r10
                gcm_hashed
                test            r10, r10
                jnz             3b
                jmp             5f
.endif
4:              gcm_down        8, 0, 1, 2, 3, 4, 5, 6, 7
2:
.if TEXT
.set            HASHED, 0
.rept           GHASH_STEPS
                ghash512_step   HASHED, r9 - 512
.set            HASHED, HASHED + 1
.endr
                gcm_hashed      0
.endif
5:              gcm_rounds      (HALF + 1), ROUNDS, 0, 1, 2, 3, 4, 5, 6, 7
6:              mov             r10, [rsi + JOB_TAIL]
3:              cmp             r10, 64                         # the tail, whole vectors
                jb              4f
                vmovdqu64       zmm24, [r8]
                vpxorq          zmm0, zmm0, zmm24
                vmovdqu64       [r9], zmm0
.if TEXT
                vpshufb         zmm24, zmm0, zmm17
.else
                vpshufb         zmm24, zmm24, zmm17
.endif
                ghash512_add    zmm24
                gcm_down        1, 0, 1, 2, 3, 4, 5, 6
                add             r8, 64
                add             r9, 64
                add             rax, 64
                sub             r10, 64
                jmp             3b
4:              test            r10, r10                        # and part of one
                jz              5f
                mov             r11, -1
                bzhi            r11, r11, r10
                kmovq           k1, r11
                vmovdqu8        zmm24{k1}{z}, [r8]
                vpxorq          zmm0, zmm0, zmm24
                vmovdqu8        [r9]{k1}, zmm0
.if TEXT
                vmovdqu8        zmm24{k1}{z}, zmm0
.endif
                vpshufb         zmm24, zmm24, zmm17
                ghash512_add    zmm24
                add             r10, 15
                and             r10, -16
                add             rax, r10
5:              vmovq           xmm24, [rsi + JOB_TEXT_BITS]
                vmovq           xmm25, [rsi + JOB_AAD_BITS]
                vpunpcklqdq     xmm24, xmm24, xmm25
                ghash512_add    zmm24
                ghash512_reduce
                vpshufb         xmm18, xmm18, xmm17
                vpxorq          xmm18, xmm18, xmm21
                vmovdqu64       [rsi + JOB_HASH], xmm18
.irp            n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
                vpxorq          zmm\n, zmm\n, zmm\n             # wipe the registers
.endr
                vzeroall                                        #   zmm0 to zmm15
                ret
.purgem         gcm_counters
.purgem         gcm_whiten
.purgem         gcm_rounds
.purgem         gcm_half
.purgem         gcm_lane
.purgem         gcm_write
.purgem         gcm_hashed
.purgem         gcm_down
