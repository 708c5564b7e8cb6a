// Parties in a ring, each with a little work, who hand a token round: `ring WHO PARTIES MEMORY_KIB WHOSE CORE
// BATCHES`, as ring.py, in C.
//
// It prints `ready`, begins when it has read a line, and prints JSON: the CPU time of a turn, in ns, in batches
// in which the token goes round; the same in batches between them, in which one party does all the work and
// hands nothing over; and how often the kernel switched, by its own count.
//
//     cc -O2 -pthread -o ring ring.c && echo | ./ring threads 16 1 own 0 4

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { MOST = 64, BATCH_NS = 15000000, STACK_BYTES = 65536, LINE_BYTES = 64 };

typedef struct line { // one cache line, which tells where the next is
    struct line *next;
    long touched;
    char unused[LINE_BYTES - 16];
} line;

static int parties, lines;
static line *memory[MOST];
static int pipes[MOST][2]; // whoever reads a byte from its own pipe has the token
static pid_t children[MOST];
static ucontext_t contexts[MOST];
static char stacks[MOST][STACK_BYTES];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static long read_ns(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now))
        fail("clock_gettime");
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

// The CPU time of all parties: what others do on this core meanwhile is not in it.
static long spent_ns(void) {
    long sum = read_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (int each = 1; each < parties; each++) {
        clockid_t clock;
        if (children[each] && !clock_getcpuclockid(children[each], &clock))
            sum += read_ns(clock);
    }
    return sum;
}

// Lines in random order, as objects lie that a program made one by one: no line tells early where the next is.
static line *scattered(void) {
    line *made = mmap(NULL, lines * sizeof(line), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    int *order = malloc(lines * sizeof(int));
    if (made == MAP_FAILED || !order)
        fail("memory");
    for (int place = 0; place < lines; place++) {
        int other = rand() % (place + 1);
        order[place] = order[other], order[other] = place;
    }
    for (int place = 0; place < lines; place++)
        made[order[place]].next = &made[order[(place + 1) % lines]];
    free(order);
    return made;
}

static void work(int me) {
    line *at = memory[me];
    for (int count = 0; count < lines; count++, at = at->next)
        at->touched++;
}

// Coroutines: the program itself keeps the place where each of them stopped.

static void coroutine(int me) {
    for (;;) {
        work(me);
        swapcontext(&contexts[me], &contexts[(me + 1) % parties]);
    }
}

// Threads and processes: the kernel keeps it, and wakes the one for whom a byte came.

static int pass(int me) {
    return write(pipes[(me + 1) % parties][1], "t", 1) == 1;
}

static int await(int me) {
    char token;
    return read(pipes[me][0], &token, 1) == 1;
}

static void *party(void *place) {
    int me = (int)(long)place;
    while (await(me)) {
        work(me);
        if (!pass(me))
            break;
    }
    return NULL;
}

static void begin(const char *who) {
    for (int each = 1; each < parties; each++) {
        pthread_t thread;
        if (!strcmp(who, "coroutines")) {
            getcontext(&contexts[each]);
            contexts[each].uc_stack.ss_sp = stacks[each];
            contexts[each].uc_stack.ss_size = STACK_BYTES;
            makecontext(&contexts[each], (void (*)(void))coroutine, 1, each);
        } else if (!strcmp(who, "threads")) {
            if (pthread_create(&thread, NULL, party, (void *)(long)each))
                fail("pthread_create");
        } else if ((children[each] = fork()) == 0) {
            party((void *)(long)each);
            _exit(0);
        } else if (children[each] < 0) {
            fail("fork");
        }
    }
}

static void lap(int in_kernel) {
    work(0);
    if (!in_kernel)
        swapcontext(&contexts[0], &contexts[1 % parties]);
    else if (!pass(0) || !await(0))
        fail("token");
}

static void lap_alone(int in_kernel) {
    (void)in_kernel;
    for (int turn = 0; turn < parties; turn++)
        work(0);
}

static long turns;

static double batch_ns(void (*one_lap)(int), int in_kernel) {
    long laps = 0, end_ns = read_ns(CLOCK_MONOTONIC) + BATCH_NS, spent = spent_ns();
    do {
        one_lap(in_kernel);
        laps++;
    } while (read_ns(CLOCK_MONOTONIC) < end_ns);
    turns += one_lap == lap ? laps * parties : 0;
    return (double)(spent_ns() - spent) / laps / parties;
}

static void print_each(const char *name, const double *values, int count) {
    printf("\"%s\": [", name);
    for (int each = 0; each < count; each++)
        printf("%s%.1f", each ? ", " : "", values[each]);
    printf("], ");
}

// All of them have ended when their switches are counted: those of a child become ours when it is waited for.
static void print_switches(void) {
    struct rusage own, theirs;
    for (int each = 1; each < parties; each++) {
        if (children[each]) {
            kill(children[each], SIGKILL);
            waitpid(children[each], NULL, 0);
        }
    }
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &theirs);
    printf("\"turns\": %ld, \"voluntary\": %ld, \"involuntary\": %ld}\n", turns, own.ru_nvcsw + theirs.ru_nvcsw,
           own.ru_nivcsw + theirs.ru_nivcsw);
}

int main(int count, char **words) {
    if (count != 7)
        return 2;
    const char *who = words[1];
    int in_kernel = strcmp(who, "coroutines") != 0, batches = atoi(words[6]);
    parties = atoi(words[2]), lines = atoi(words[3]) * 1024 / (int)sizeof(line);
    if (parties < 2 || parties > MOST || lines < 1 || batches < 1 || batches > 1000)
        return 2;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(atoi(words[5]), &cores);
    if (sched_setaffinity(0, sizeof cores, &cores))
        fail("sched_setaffinity");
    for (int each = 0; each < parties; each++) {
        memory[each] = each && !strcmp(words[4], "shared") ? memory[0] : scattered();
        if (pipe(pipes[each]))
            fail("pipe");
    }
    begin(who);
    puts("ready");
    fflush(stdout);
    getchar();
    double *together = calloc(batches, sizeof(double)), *alone = calloc(batches, sizeof(double));
    for (int batch = 0; batch < batches; batch++) {
        together[batch] = batch_ns(lap, in_kernel);
        alone[batch] = batch_ns(lap_alone, in_kernel);
    }
    printf("{");
    print_each("turn_ns", together, batches);
    print_each("alone_ns", alone, batches);
    print_switches();
    return 0;
}
