# gcm: a whole message sealed or opened, VAES and VPCLMULQDQ with 512-bit vectors        [contract]
#   in   rdi keys      16 * (ROUNDS + 1) bytes, in order of use to encipher
#        rsi job       160 bytes (JOB_* below), not shared
#        rdx constants 192 bytes (CONST_* below), 64-byte aligned
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
#   cost  64 bytes: ROUNDS AES instructions, 3 carry-less products, a byte shuffle for the counter and one for the hash.
#         Of two sets of 512 bytes one does its last rounds while the other does its first; what is hashed meanwhile is
#         the set before (text) or the one in its last rounds (ciphertext)
#
#   assembly-time numbers: ROUNDS = 10 or 14, TEXT = 0 or 1: whether the source is text, to be enciphered
#   two sets zmm0-7, zmm8-15 | counters zmm16 | order of bytes zmm17 | low zmm18 | middle zmm19      [map]
#   high zmm20 | AES(nonce, 1) xmm21 | keys zmm22, zmm23 | hash zmm24-31
#   src r8 | dst r9 | sets left r10 | sets left in this run r11 | powers rax | distance rcx

.set            HALF, ROUNDS / 2
.set            HASH_STEPS, 68

# low, high, middle = the turned block in \x times the powers at \at.
.macro gcm_times x, at, low, high, middle
                vpshufd         zmm25, \x, 0x4e
                vpxorq          zmm25, zmm25, \x
                vpclmulqdq      \low, \x, [rax + \at], 0x00
                vpclmulqdq      \high, \x, [rax + \at], 0x11
                vpclmulqdq      \middle, zmm25, [rax + rcx + \at], 0x00
.endm

# Hashes the turned blocks in \x.
.macro gcm_add x
                gcm_times       \x, 0, zmm26, zmm27, zmm28
                vpxorq          zmm18, zmm18, zmm26
                vpxorq          zmm20, zmm20, zmm27
                vpxorq          zmm19, zmm19, zmm28
.endm

# Step \step of hashing the set at \memory: vectors go in by twos, 17 steps for two.
.macro gcm_hash_step step, memory
.set            STEP, \step % 17
.set            AT, 128 * (\step / 17) + 64 * (STEP / 7)
.if STEP == 0 || STEP == 7
                vmovdqu64       zmm24, [\memory + AT]
.elseif STEP == 1 || STEP == 8
                vpshufb         zmm24, zmm24, zmm17
.elseif STEP == 2 || STEP == 9
                vpshufd         zmm25, zmm24, 0x4e
.elseif STEP == 3 || STEP == 10
                vpxorq          zmm25, zmm25, zmm24
.elseif STEP == 4
                vpclmulqdq      zmm26, zmm24, [rax + AT], 0x00
.elseif STEP == 5
                vpclmulqdq      zmm27, zmm24, [rax + AT], 0x11
.elseif STEP == 6
                vpclmulqdq      zmm28, zmm25, [rax + rcx + AT], 0x00
.elseif STEP == 11
                vpclmulqdq      zmm29, zmm24, [rax + AT], 0x00
.elseif STEP == 12
                vpclmulqdq      zmm30, zmm24, [rax + AT], 0x11
.elseif STEP == 13
                vpclmulqdq      zmm31, zmm25, [rax + rcx + AT], 0x00
.elseif STEP == 14
                vpternlogq      zmm18, zmm26, zmm29, 0x96
.elseif STEP == 15
                vpternlogq      zmm20, zmm27, zmm30, 0x96
.elseif STEP == 16
                vpternlogq      zmm19, zmm28, zmm31, 0x96
.endif
.endm

# The steps of hashing that follow the AES instruction number DONE, of \count that they are spread over.
.macro gcm_hash_some memory, count
.set            DONE, DONE + 1
.rept           (HASH_STEPS + \count - 1) / \count
.if HASHED * \count < HASH_STEPS * DONE
                gcm_hash_step   HASHED, \memory
.set            HASHED, HASHED + 1
.endif
.endr
.endm

# The next four counter blocks, whitened with the first key in zmm23.
.macro gcm_counters n
                vpshufb         zmm\n, zmm16, zmm17
                vpaddd          zmm16, zmm16, [rdx + CONST_FOUR]
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
                vbroadcasti32x4 zmm23, [rdi + 16]
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                gcm_lane        \b, \n, vaesenc, zmm23
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
                gcm_hash_some   \memory, (16 * (HALF - 1) - 8)
.endif
.endr
                vbroadcasti32x4 zmm23, [rdi + 16 * ROUND]
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                gcm_lane        \b, \n, vaesenc, zmm23
.if ROUND < HALF
.ifnc \memory, none
                gcm_hash_some   \memory, (16 * (HALF - 1) - 8)
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

# Vector \n modulo 8 of a set.
.macro gcm_write n
                vpxorq          zmm\n, zmm\n, [r8 + 64 * (\n % 8)]
                vmovdqu64       [r9 + 64 * (\n % 8)], zmm\n
.endm

# Vector \n of the second set to the first set.
.macro gcm_down n
                gcm_move        (\n - 8), \n
.endm

# Vector \n to the place ahead of it.
.macro gcm_down_one n
                gcm_move        (\n - 1), \n
.endm

.macro gcm_move to, from
.irp            m, 0, 1, 2, 3, 4, 5, 6, 7
.if \m == \to
                vmovdqa64       zmm\m, zmm\from
.endif
.endr
.endm

# xmm18 = the sum of products in zmm18 to zmm20, reduced.
.macro gcm_reduce
                vpternlogq      zmm19, zmm18, zmm20, 0x96
                vpslldq         zmm24, zmm19, 8
                vpsrldq         zmm25, zmm19, 8
                vpxorq          zmm18, zmm18, zmm24
                vpxorq          zmm20, zmm20, zmm25
                vextracti64x4   ymm24, zmm18, 1
                vextracti64x4   ymm25, zmm20, 1
                vpxorq          ymm18, ymm18, ymm24
                vpxorq          ymm20, ymm20, ymm25
                vextracti32x4   xmm24, ymm18, 1
                vextracti32x4   xmm25, ymm20, 1
                vpxorq          xmm18, xmm18, xmm24
                vpxorq          xmm20, xmm20, xmm25
                vmovdqu64       xmm26, [rdx + CONST_FOLD]
.rept           2
                vpclmulqdq      xmm24, xmm18, xmm26, 0x00
                vpshufd         xmm18, xmm18, 0x4e
                vpxorq          xmm18, xmm18, xmm24
.endr
                vpxorq          xmm18, xmm18, xmm20
.endm

# The sum of products begins with Y in \y.
.macro gcm_begin y
                vpshufd         xmm25, \y, 0x4e
                vpxorq          xmm25, xmm25, \y
                vpclmulqdq      xmm20, \y, [rax], 0x11
                vpclmulqdq      xmm19, xmm25, [rax + rcx], 0x00
                vpclmulqdq      xmm18, \y, [rax], 0x00
.endm

# A set has been hashed, and with it perhaps a run has ended. r10 sets are still to be hashed, or \left, if that is given.
.macro gcm_hashed left
                add             rax, 512
                dec             r11
                jnz             9f
                gcm_reduce
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
7:              gcm_begin       xmm18
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
                gcm_add         zmm24
                add             r11, 15
                and             r11, -16
                add             rax, r11
                jmp             2f
1:              mov             r11, [rsi + JOB_CARRIED]
                test            r11, r11
                jz              2f
                vmovdqu64       xmm18, [rsi + JOB_HASH]
                gcm_begin       xmm18
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
                gcm_rounds      1, ROUNDS, 21, 0, 1
                jmp             6f
3:              mov             r11, [rsi + JOB_RUN]
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                gcm_counters    \n
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
4:
.irp            n, 0, 1, 2, 3, 4, 5, 6, 7
                gcm_lane        8, \n, gcm_down
.endr
2:
.if TEXT
.set            HASHED, 0
.rept           HASH_STEPS
                gcm_hash_step   HASHED, r9 - 512
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
                gcm_add         zmm24
.irp            n, 1, 2, 3, 4, 5, 6, 7
                gcm_lane        0, \n, gcm_down_one
.endr
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
                gcm_add         zmm24
                add             r10, 15
                and             r10, -16
                add             rax, r10
5:              vmovq           xmm24, [rsi + JOB_TEXT_BITS]
                vmovq           xmm25, [rsi + JOB_AAD_BITS]
                vpunpcklqdq     xmm24, xmm24, xmm25
                gcm_add         zmm24
                gcm_reduce
                vpshufb         xmm18, xmm18, xmm17
                vpxorq          xmm18, xmm18, xmm21
                vmovdqu64       [rsi + JOB_HASH], xmm18
.irp            n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
                vpxorq          zmm\n, zmm\n, zmm\n             # wipe the registers
.endr
                vzeroall                                        #   zmm0 to zmm15
                ret
.purgem         gcm_times
.purgem         gcm_add
.purgem         gcm_hash_step
.purgem         gcm_hash_some
.purgem         gcm_counters
.purgem         gcm_rounds
.purgem         gcm_half
.purgem         gcm_lane
.purgem         gcm_write
.purgem         gcm_reduce
.purgem         gcm_begin
.purgem         gcm_hashed
.purgem         gcm_down
.purgem         gcm_down_one
.purgem         gcm_move
