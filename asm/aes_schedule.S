# aes_schedule: AES round keys for both directions, AES-128 and AES-256, AES-NI         [contract]
#   in   rdi key   KEY_BYTES bytes, any alignment
#        rsi enc   16 * (ROUNDS + 1) bytes            rdx dec   16 * (ROUNDS + 1) bytes
#   out  enc[i] = round key i of FIPS 197, section 5.2
#        dec[i] = the keys of the equivalent inverse cipher (FIPS 197, section 5.3.5), in order of use:
#                 dec[0] = enc[ROUNDS], dec[i] = InvMixColumns(enc[ROUNDS - i]), dec[ROUNDS] = enc[0]
#   uses xmm0-4; no stack, no calls, no branches
#   needs sse2, aes
#   cost  latency of the chain: about 11 cycles a step (aeskeygenassist, shuffle, three shifted xors),
#         10 steps for AES-128, 13 for AES-256; the inverse keys hide beside it
#
#   assembly-time number: ROUNDS = 10 (AES-128) or 14 (AES-256)
#   even key words xmm0 | odd key words (AES-256) xmm1 | assist xmm2 | shifted xmm3 | inverse xmm4  [map]

# One step: key ^= its words shifted up by one, two and three, ^= the assist word in every lane.
.macro schedule_step key, lanes, index
                pshufd          xmm2, xmm2, \lanes              # the assist word, in all four lanes
                movdqa          xmm3, \key
                pslldq          xmm3, 4
                pxor            \key, xmm3
                pslldq          xmm3, 4
                pxor            \key, xmm3
                pslldq          xmm3, 4
                pxor            \key, xmm3
                pxor            \key, xmm2
                schedule_store  \key, \index
.endm

# Stores round key `index` for encryption, and its image for decryption.
.macro schedule_store key, index
                movdqu          [rsi + 16 * (\index)], \key
.if ((\index) == 0) || ((\index) == ROUNDS)
                movdqu          [rdx + 16 * (ROUNDS - (\index))], \key
.else
                aesimc          xmm4, \key
                movdqu          [rdx + 16 * (ROUNDS - (\index))], xmm4
.endif
.endm

                movdqu          xmm0, [rdi]
                schedule_store  xmm0, 0
.if ROUNDS == 10
.irp            step, 1, 2, 3, 4, 5, 6, 7, 8
                aeskeygenassist xmm2, xmm0, 1 << (\step - 1)    # round constant x^(step - 1)
                schedule_step   xmm0, 0xff, \step               # lane 3: RotWord(SubWord(w3)) ^ Rcon
.endr
                aeskeygenassist xmm2, xmm0, 0x1b                # x^8 and x^9 leave the byte
                schedule_step   xmm0, 0xff, 9
                aeskeygenassist xmm2, xmm0, 0x36
                schedule_step   xmm0, 0xff, 10
.else
                movdqu          xmm1, [rdi + 16]
                schedule_store  xmm1, 1
.irp            step, 1, 2, 3, 4, 5, 6
                aeskeygenassist xmm2, xmm1, 1 << (\step - 1)
                schedule_step   xmm0, 0xff, (2*\step)
                aeskeygenassist xmm2, xmm0, 0                   # lane 2: SubWord(w3) alone
                schedule_step   xmm1, 0xaa, (2*\step+1)
.endr
                aeskeygenassist xmm2, xmm1, 1 << 6
                schedule_step   xmm0, 0xff, 14
.endif
.irp            n, 0, 1, 2, 3, 4
                pxor            xmm\n, xmm\n                    # wipe
.endr
                ret
.purgem         schedule_step
.purgem         schedule_store
