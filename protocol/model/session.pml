/* Session replacement and ack-after-commit at small bounds: one node, one gateway, lines that lose and repeat whatever they
 * like, and an attacker who remembers. The model has what custody hangs on and nothing else. A session is a number (it stands
 * for its keys), a HELLO is its nonce, a line is the set of all that was ever said: a reader may read anything, late, twice,
 * or never. Sealing is ideal here: what was said in a session is read as said in that session.
 *
 *   node     joins with a fresh HELLO while it has no session, or when told that its session is gone (a rumour: by a stranger);
 *            takes a WELCOME only for the HELLO at hand; sends each spooled record in the session that it has, under the
 *            session's next packet number; lets go of what a packet of this session carried when this session acks its
 *            number. A reboot loses the session and keeps the spool (the hard case: what RAM loses needs no proof).
 *   gateway  answers a HELLO with a tentative session; the node's first packet in it makes it live, and ends all others;
 *            what arrives waits in RAM for the commit; the ack follows the commit. A packet of a session that it does not
 *            hold makes it say so. A crash loses RAM and all sessions, and keeps the disk. It also answers
 *            HELLOs that the node did not mean (a replay).
 *
 * Promises: the assertions, and `drains`: whatever happened, both records are let go of at last. Every step uses something up,
 * so each run ends, and a run that ends undrained is the counter-example: this is fair loss (what is still wanted is read at
 * last) without a fairness constraint. PLANT=n breaks one rule, to see the model fail:
 *   1 the ack comes before the commit     2 a record is let go of when sent    3 an ack of any session counts
 *   4 a HELLO alone ends the live session 5 an ended session still delivers    6 a node whose session is gone joins no more
 */

#define RECORDS 2
#ifndef FAULTS
#define FAULTS 2     /* reboots, crashes, replays and rumours together, in any mixture */
#endif
#define HELLOS (1 + 2 * FAULTS)    /* nonces that the node may draw; 0 is none */
#define SESSIONS (2 + 2 * FAULTS)  /* that the gateway may make; 0 is none */
#ifndef PLANT
#define PLANT 0
#endif
#define NONE 0
#define AT(s, n) ((s) * RECORDS + (n))

/* said, once and for ever */
bool hello[HELLOS + 1];                   /* by nonce */
byte welcome[SESSIONS + 1];               /* by session: the nonce that it answers */
bool proof[SESSIONS + 1];                 /* by session: the node's first packet, without records */
byte data[(SESSIONS + 1) * RECORDS];      /* by session and packet number: 1 + the record that it carries */
bool ack[(SESSIONS + 1) * RECORDS];       /* by session and packet number */
bool gone[SESSIONS + 1];                  /* "no session", by session */

byte faults;
#define MAY_FAIL (faults < FAULTS)

/* the node */
bool freed[RECORDS];
bool sent[RECORDS];                       /* in the session at hand */
byte nonce, nonces, mine, number;

/* the gateway */
byte live, sessions;
bool tentative[SESSIONS + 1];
bool answered[HELLOS + 1];               /* since the crash */
bool pending[HELLOS + 1];                 /* by a session that is tentative still */
bool ended[SESSIONS + 1];
bool came[RECORDS];                       /* packet numbers of the live session that arrived */
bool ram[RECORDS], disk[RECORDS];         /* records */

#define DRAINED (freed[0] && freed[1])

inline forget_session() { mine = NONE; nonce = NONE; number = 0; sent[0] = false; sent[1] = false }

inline let_go(r) {
    assert(disk[r]);                      /* never freed before durable */
    freed[r] = true
}

#define MAY_JOIN (nonce == NONE && nonces < HELLOS && (PLANT != 6 || nonces == 0))

#define TAKE_WELCOME(s) :: d_step { nonce != NONE && welcome[s] == nonce -> \
    mine = s; nonce = NONE; number = 0; sent[0] = false; sent[1] = false; proof[s] = true }

#define SEND(r) :: d_step { mine != NONE && !freed[r] && !sent[r] -> \
    data[AT(mine, number)] = r + 1; number++; sent[r] = true; \
    if :: PLANT == 2 -> let_go(r) :: else fi }

#define ACKED(n) (ack[AT(mine, n)] || (PLANT == 3 && (ack[AT(1, n)] || ack[AT(2, n)] || ack[AT(3, n)])))
#define TAKE_ACK(n) :: d_step { mine != NONE && number > n && ACKED(n) && !freed[data[AT(mine, n)] - 1] -> \
    let_go(data[AT(mine, n)] - 1) }

active proctype Node() {
    do
    :: DRAINED -> break
    :: d_step { mine == NONE && MAY_JOIN -> nonces++; nonce = nonces; hello[nonce] = true }
    :: d_step { mine != NONE && gone[mine] && MAY_JOIN -> nonces++; nonce = nonces; hello[nonce] = true }
    TAKE_WELCOME(1) TAKE_WELCOME(2) TAKE_WELCOME(3) TAKE_WELCOME(4) TAKE_WELCOME(5) TAKE_WELCOME(6)
#if FAULTS > 2
    TAKE_WELCOME(7) TAKE_WELCOME(8)
#endif
    SEND(0) SEND(1)
    TAKE_ACK(0) TAKE_ACK(1)
    :: d_step { MAY_FAIL && nonces > 0 -> faults++; forget_session() }
    :: d_step { MAY_FAIL && mine != NONE && !gone[mine] -> faults++; gone[mine] = true }
    od
}

inline forget_tentative(i) {
    for (i : 1 .. SESSIONS) { tentative[i] = false }
    for (i : 1 .. HELLOS) { pending[i] = false }
    i = 0
}


/* A HELLO that the node means is answered once; it is answered again, or an old one is, only as a replay. One whose
 * tentative session still stands gets the same WELCOME again, which is no step here. */
#define ANSWER(k) :: d_step { hello[k] && !pending[k] && sessions < SESSIONS && \
    ((nonce == k && !answered[k]) || MAY_FAIL) -> \
    if :: nonce == k && !answered[k] :: else -> faults++ fi; \
    sessions++; tentative[sessions] = true; welcome[sessions] = k; answered[k] = true; pending[k] = true; \
    if :: PLANT == 4 && live != NONE -> assert(proof[sessions]) :: else fi }

#define GO_LIVE(s) :: d_step { tentative[s] && proof[s] -> \
    assert(!ended[s]); \
    for (i : 1 .. SESSIONS) { ended[i] = ended[i] || (i <= sessions && i != s) } \
    live = s; came[0] = false; came[1] = false; forget_tentative(i) }

#define RECEIVE(s, n) :: d_step { (s == live || (PLANT == 5 && ended[s])) && data[AT(s, n)] && !came[n] -> \
    assert(!ended[s]);                    /* of two sessions only the later one delivers */ \
    came[n] = true; ram[data[AT(s, n)] - 1] = !disk[data[AT(s, n)] - 1]; \
    if :: PLANT == 1 -> ack[AT(s, n)] = true :: else fi }

#define SAY_ACK(n) :: d_step { live != NONE && came[n] && disk[data[AT(live, n)] - 1] && !ack[AT(live, n)] -> \
    ack[AT(live, n)] = true }

#define REFUSE(s) :: d_step { proof[s] && s != live && !tentative[s] && !gone[s] -> gone[s] = true }

active proctype Gateway() {
    byte i;
    do
    :: DRAINED -> break
    ANSWER(1) ANSWER(2) ANSWER(3) ANSWER(4) ANSWER(5)
    GO_LIVE(1) GO_LIVE(2) GO_LIVE(3) GO_LIVE(4) GO_LIVE(5) GO_LIVE(6)
    RECEIVE(1, 0) RECEIVE(2, 0) RECEIVE(3, 0) RECEIVE(4, 0) RECEIVE(5, 0) RECEIVE(6, 0)
    RECEIVE(1, 1) RECEIVE(2, 1) RECEIVE(3, 1) RECEIVE(4, 1) RECEIVE(5, 1) RECEIVE(6, 1)
    REFUSE(1) REFUSE(2) REFUSE(3) REFUSE(4) REFUSE(5) REFUSE(6)
#if FAULTS > 2
    ANSWER(6) ANSWER(7) GO_LIVE(7) GO_LIVE(8) RECEIVE(7, 0) RECEIVE(8, 0) RECEIVE(7, 1) RECEIVE(8, 1) REFUSE(7) REFUSE(8)
#endif
    :: d_step { ram[0] || ram[1] -> disk[0] = disk[0] || ram[0]; disk[1] = disk[1] || ram[1]; ram[0] = false; ram[1] = false }
    SAY_ACK(0) SAY_ACK(1)
    :: d_step { MAY_FAIL && sessions > 0 ->
        faults++; live = NONE; ram[0] = false; ram[1] = false; came[0] = false; came[1] = false;
        for (i : 1 .. SESSIONS) { ended[i] = i <= sessions }
        for (i : 1 .. HELLOS) { answered[i] = false }
        forget_tentative(i) }
    od
}
