/*
 * A guest's program: asks /dev/sev-guest for everything that Linux's driver offers, rightly and wrongly, and says
 * what came out, a line for each: "ok ..." or "FAILED ...". Exit code 0: every line is ok.
 *
 * Static, so that nothing but system calls can give it a device:
 *     cc -static -O1 -pthread -o client client.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEVICE "/dev/sev-guest"
#define PAGE 4096

/* include/uapi/linux/sev-guest.h */
struct report_request { uint8_t user_data[64]; uint32_t vmpl; uint8_t reserved[28]; };
struct key_request { uint32_t root, reserved; uint64_t fields; uint32_t vmpl, svn; uint64_t tcb; };
struct extended_request { struct report_request report; uint64_t certs_address; uint32_t certs_len; };
struct argument { uint8_t version; uint64_t request, response; uint64_t exitinfo2; };
#define GET_REPORT _IOWR('S', 0, struct argument)
#define GET_KEY _IOWR('S', 1, struct argument)
#define GET_EXTENDED _IOWR('S', 2, struct argument)
#define UNANSWERED UINT64_MAX

static int failures;
static struct argument argument;

/* errno is the last call's. */
static void check(const char *what, int holds)
{
	int error = errno;

	if (holds) {
		printf("ok %s\n", what);
	} else {
		failures++;
		printf("FAILED %s (errno %d, exitinfo2 %#llx)\n", what, error, (unsigned long long)argument.exitinfo2);
	}
	fflush(stdout);
}

static int call(int fd, unsigned long number, const void *request, void *response)
{
	argument = (struct argument){ 1, (uintptr_t)request, (uintptr_t)response, UNANSWERED };
	errno = 0;
	return ioctl(fd, number, &argument);
}

/* Whether the call failed with an error, and exitinfo2 says this. */
static int refused(int result, int error, uint64_t exitinfo2)
{
	return result == -1 && errno == error && argument.exitinfo2 == exitinfo2;
}

static uint32_t word(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Whether a descriptor gives a report with the data that was asked for. */
static int reports(int fd, uint8_t seed)
{
	struct report_request request = { .vmpl = 1 };
	struct argument mine = { 1, (uintptr_t)&request, 0, UNANSWERED };
	uint8_t response[4000];

	memset(request.user_data, seed, sizeof(request.user_data));
	memset(response, 0xee, sizeof(response));
	mine.response = (uintptr_t)response;
	if (ioctl(fd, GET_REPORT, &mine) != 0)
		return 0;
	return word(response) == 0 && word(response + 4) == 0x4a0 && mine.exitinfo2 == UNANSWERED &&
	       memcmp(response + 0x20 + 0x50, request.user_data, 64) == 0 && response[3999] == 0;
}

static void look(void)
{
	struct stat by_path = { 0 }, by_name = { 0 };
	struct statx extended = { 0 };
	char link[64];

	check("stat: a character device", stat(DEVICE, &by_path) == 0 && S_ISCHR(by_path.st_mode));
	check("lstat: the same one", lstat(DEVICE, &by_name) == 0 && by_name.st_rdev == by_path.st_rdev &&
	      by_name.st_ino == by_path.st_ino && by_name.st_nlink == 1);
	check("statx: the same one", statx(AT_FDCWD, DEVICE, 0, STATX_BASIC_STATS, &extended) == 0 &&
	      S_ISCHR(extended.stx_mode) && extended.stx_ino == by_path.st_ino &&
	      makedev(extended.stx_rdev_major, extended.stx_rdev_minor) == by_path.st_rdev);
	check("access: read and write", access(DEVICE, R_OK | W_OK) == 0);
	check("access: no program", access(DEVICE, X_OK) == -1 && errno == EACCES);
	check("faccessat", faccessat(AT_FDCWD, "/dev/./sev-guest", F_OK, 0) == 0);
	check("readlink: no link", readlink(DEVICE, link, sizeof(link)) == -1 && errno == EINVAL);
	check("stat: a bad place", stat(DEVICE, (void *)16) == -1 && errno == EFAULT);
	check("another path: missing", open("/dev/sev-guest2", O_RDONLY) == -1 && errno == ENOENT);
	check("another path: no folder", open("/dev/sev-guest/", O_RDONLY) == -1 && errno == ENOENT);
	check("another path: bad pointer", open((char *)16, O_RDONLY) == -1 && errno == EFAULT);
	check("another path: there", access("/proc/self/status", R_OK) == 0);
}

static void open_it(void)
{
	struct open_how how = { .flags = O_RDWR | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *split = pages + PAGE - 5, *last = pages + 2 * PAGE - sizeof(DEVICE), long_path[2001];
	int fd, folder;

	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	check("open: closed by exec", fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) && reports(fd, 1));
	close(fd);
	fd = open(DEVICE, O_RDWR);
	check("open: left open by exec", fd >= 0 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC) && reports(fd, 2));
	check("no terminal", !isatty(fd));
	close(fd);
	check("open: after close", !reports(fd, 3) && errno == EBADF);
	check("open: to be made", open(DEVICE, O_RDWR | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
	check("open: no folder", open(DEVICE, O_RDONLY | O_DIRECTORY) == -1 && errno == ENOTDIR);

	/* Opened by a C library in the older form, too. */
	fd = syscall(SYS_openat, AT_FDCWD, "/dev/../dev//sev-guest", O_RDONLY);
	check("open: by a longer path", fd >= 0 && reports(fd, 4));
	close(fd);
#ifdef SYS_open
	fd = syscall(SYS_open, DEVICE, O_RDONLY);
	check("open: the old call", fd >= 0 && reports(fd, 5));
	close(fd);
#endif
	memset(long_path, '/', sizeof(long_path) - 1);
	strcpy(long_path + sizeof(long_path) - sizeof(DEVICE), DEVICE);
	fd = open(long_path, O_RDONLY);
	check("open: by 2000 bytes", fd >= 0 && reports(fd, 6));
	close(fd);
	memcpy(split, DEVICE, sizeof(DEVICE));
	fd = open(split, O_RDONLY);
	check("open: a path on two pages", fd >= 0 && reports(fd, 7));
	close(fd);
	memcpy(last, DEVICE, sizeof(DEVICE));
	munmap(pages + 2 * PAGE, PAGE);
	fd = open(last, O_RDONLY);
	check("open: a path at the end of memory", fd >= 0 && reports(fd, 8));
	close(fd);
	last[sizeof(DEVICE) - 1] = 'x';
	check("open: a path that runs out of memory", open(last, O_RDONLY) == -1 && errno == EFAULT);

	folder = open("/dev", O_RDONLY | O_DIRECTORY);
	fd = openat(folder, "sev-guest", O_RDONLY);
	check("openat: from its folder", fd >= 0 && reports(fd, 9));
	close(fd);
	fd = syscall(SYS_openat2, folder, "sev-guest", &how, sizeof(how));
	check("openat2: below its folder", fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) && reports(fd, 10));
	close(fd);
	check("openat2: out of its folder", syscall(SYS_openat2, folder, DEVICE, &how, sizeof(how)) == -1 && errno == EXDEV);
	check("openat2: too small", syscall(SYS_openat2, folder, "sev-guest", &how, 8) == -1 && errno == EINVAL);
	close(folder);
	folder = open(".", O_RDONLY | O_DIRECTORY);
	check("open: from the working folder", chdir("/dev") == 0 && (fd = open("sev-guest", O_RDONLY)) >= 0 && reports(fd, 11));
	close(fd);
	check("open: from another folder", chdir("/proc") == 0 && open("sev-guest", O_RDONLY) == -1 && errno == ENOENT);
	if (fchdir(folder) != 0)
		abort();
	close(folder);
}

static void derive(int fd)
{
	struct key_request request = { .vmpl = 1 }, other = { .vmpl = 2 };
	uint8_t key[64], again[64], another[64];

	check("key", call(fd, GET_KEY, &request, key) == 0 && word(key) == 0 && argument.exitinfo2 == UNANSWERED);
	check("key: the same again", call(fd, GET_KEY, &request, again) == 0 && memcmp(key, again, 64) == 0);
	check("key: another request's", call(fd, GET_KEY, &other, another) == 0 && memcmp(key + 32, another + 32, 32) != 0);
}

static void extended(int fd)
{
	struct extended_request request = { .report = { .vmpl = 1 } };
	uint8_t response[4000] = { 0 }, *certificates, none[16] = { 0 };
	uint32_t needed;

	memset(request.report.user_data, 0x5a, 64);
	check("extended: no place", refused(call(fd, GET_EXTENDED, &request, response), EIO, 1ull << 32));
	needed = request.certs_len;
	check("extended: what is needed", needed > 0 && needed % PAGE == 0 && needed <= 4 * PAGE);
	if (needed == 0)
		return;
	certificates = aligned_alloc(PAGE, 8 * PAGE);
	memset(certificates, 0xee, 8 * PAGE);
	request.certs_address = (uintptr_t)certificates;
	request.certs_len = needed - PAGE;
	if (needed > PAGE) {
		check("extended: a page too small", refused(call(fd, GET_EXTENDED, &request, response), EIO, 1ull << 32));
		check("extended: needs the same", request.certs_len == needed);
	}
	request.certs_len = needed;
	check("extended", call(fd, GET_EXTENDED, &request, response) == 0 && argument.exitinfo2 == UNANSWERED);
	check("extended: the report", word(response) == 0 && memcmp(response + 0x20 + 0x50, request.report.user_data, 64) == 0);
	check("extended: the table", memcmp(certificates, none, 16) != 0 && certificates[needed - 1] != 0xee);
	check("extended: no more than the place", certificates[needed] == 0xee);
	request.certs_len = needed + 1;
	check("extended: not whole pages", refused(call(fd, GET_EXTENDED, &request, response), EINVAL, 0xff));
	request.certs_len = 5 * PAGE;
	check("extended: more than Linux takes", refused(call(fd, GET_EXTENDED, &request, response), EINVAL, 0xff));
	request.certs_len = 4 * PAGE;
	request.certs_address = UINT64_MAX - 2 * PAGE;
	check("extended: a place beyond the end", refused(call(fd, GET_EXTENDED, &request, response), EFAULT, 0xff));
	request.certs_address = PAGE;
	call(fd, GET_EXTENDED, &request, response);
	check("extended: a place that is not there", errno == EFAULT && argument.exitinfo2 == UNANSWERED);
	free(certificates);
}

static void wrong(int fd)
{
	struct report_request request = { .vmpl = 1 };
	uint8_t response[4000];
	uint8_t *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int other = open("/dev/null", O_RDWR), result;

	check("wrong: no argument", ioctl(fd, GET_REPORT, NULL) == -1 && errno == EFAULT);
	check("wrong: argument not there", ioctl(fd, GET_REPORT, (void *)PAGE) == -1 && errno == EFAULT);
	check("wrong: no request", refused(call(fd, GET_REPORT, NULL, response), EINVAL, 0xff));
	check("wrong: no response", refused(call(fd, GET_REPORT, &request, NULL), EINVAL, 0xff));
	check("wrong: request not there", refused(call(fd, GET_REPORT, (void *)PAGE, response), EFAULT, 0xff));
	munmap(pages + PAGE, PAGE);
	check("wrong: half a request", refused(call(fd, GET_REPORT, pages + PAGE - 50, response), EFAULT, 0xff));
	call(fd, GET_REPORT, &request, pages + PAGE - 50);
	check("wrong: half a response", errno == EFAULT);
	mprotect(pages, PAGE, PROT_READ);
	call(fd, GET_REPORT, &request, pages);
	check("wrong: response not writable", errno == EFAULT);
	mprotect(pages, PAGE, PROT_NONE);
	check("wrong: request not readable", refused(call(fd, GET_REPORT, pages, response), EFAULT, 0xff));
	argument = (struct argument){ 0, (uintptr_t)&request, (uintptr_t)response, UNANSWERED };
	result = ioctl(fd, GET_REPORT, &argument);
	check("wrong: version 0", refused(result, EINVAL, UNANSWERED));
	check("wrong: no such call", refused(call(fd, _IOWR('S', 3, struct argument), &request, response), ENOTTY, 0xff));
	check("wrong: another size", refused(call(fd, _IOWR('S', 0, int), &request, response), ENOTTY, 0xff));
	check("wrong: another file", refused(call(other, GET_REPORT, &request, response), ENOTTY, UNANSWERED));
	check("wrong: no file", refused(call(99, GET_REPORT, &request, response), EBADF, UNANSWERED));
	check("wrong: write", write(fd, "x", 1) == -1);
	check("still there", reports(fd, 12));
	close(other);
}

static void copies(int fd, char *self)
{
	int status, copy = dup(fd), high = dup2(fd, 100), again;
	char path[32], number[16];
	pid_t child;

	check("copy: dup", reports(copy, 13));
	check("copy: dup2", reports(high, 14));
	sprintf(path, "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	check("copy: opened again", again >= 0 && reports(again, 15));
	close(again);
	close(copy);
	child = fork();
	if (child == 0)
		_exit(!reports(fd, 16));
	check("copy: a child's", waitpid(child, &status, 0) == child && status == 0);
	child = fork();
	if (child == 0) {
		sprintf(number, "%d", high);
		execl("/proc/self/exe", self, number, NULL);
		_exit(127);
	}
	check("copy: another program's", waitpid(child, &status, 0) == child && status == 0);
	close(high);
}

static void *many(void *seed)
{
	long n;

	for (n = 0; n < 50; n++) {
		int fd = open(DEVICE, O_RDWR);
		int good = fd >= 0 && reports(fd, (uint8_t)(n + (long)seed));

		close(fd);
		if (!good)
			return "bad";
	}
	return NULL;
}

static volatile sig_atomic_t interruptions;

static void interrupted(int signal)
{
	interruptions += signal != 0;
}

static void at_once(int fd)
{
	struct sigaction action = { .sa_handler = interrupted, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
	pthread_t threads[4];
	void *result;
	int good = 1;
	long i;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, many, (void *)(i * 50));
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		good &= result == NULL;
	}
	check("threads", good);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < 1000 || !interruptions; i++)
		good &= reports(fd, (uint8_t)i);
	setitimer(ITIMER_REAL, &never, NULL);
	check("signals", good);
}

#ifdef __x86_64__
/* Programs of other ABIs see no device, and are not held up. */
static void other_abis(void)
{
	char *low = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long result = 5; /* open */

	strcpy(low, DEVICE);
	__asm__ volatile("int $0x80" : "+a"(result) : "b"(low), "c"(O_RDONLY), "d"(0) : "memory", "r8", "r9", "r10", "r11");
	check("a 32-bit call", (int)result == -ENOENT || (int)result == -ENOSYS);
	check("an x32 call", syscall(0x40000000 + SYS_open, DEVICE, O_RDONLY) == -1 && (errno == ENOENT || errno == ENOSYS));
}
#endif

int main(int count, char **arguments)
{
	int fd;

	/* After exec: with the descriptor that was handed over, and with one of our own. */
	if (count > 1)
		return !(reports(atoi(arguments[1]), 17) && (fd = open(DEVICE, O_RDONLY)) >= 0 && reports(fd, 18));

	look();
	/* Without a device, opening it as a new file would make one. */
	if (failures) {
		printf("%d failures: nothing is opened\n", failures);
		return 1;
	}
	open_it();
	fd = open(DEVICE, O_RDWR);
	check("report", reports(fd, 19));
	derive(fd);
	extended(fd);
	wrong(fd);
	copies(fd, arguments[0]);
	at_once(fd);
#ifdef __x86_64__
	other_abis();
#endif
	printf("%d failures\n", failures);
	return failures != 0;
}
