/*
 * A guest's program: an extended report about 64 bytes A5h, and the certificates that come with it, into two files.
 *
 *     cc -static -O1 -o report report.c && ./report REPORT CERTIFICATES
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* include/uapi/linux/sev-guest.h */
struct report_request { uint8_t user_data[64]; uint32_t vmpl; uint8_t reserved[28]; };
struct extended_request { struct report_request report; uint64_t certs_address; uint32_t certs_len; };
struct argument { uint8_t version; uint64_t request, response; uint64_t exitinfo2; };
#define GET_EXTENDED _IOWR('S', 2, struct argument)

static void put(const char *path, const void *bytes, size_t length)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(bytes, 1, length, file) != length || fclose(file)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static uint8_t response[4000], table[0x4000];
	struct extended_request request = { .certs_address = (uintptr_t)table, .certs_len = sizeof(table) };
	struct argument argument = { 1, (uintptr_t)&request, (uintptr_t)response, UINT64_MAX };
	int fd = open("/dev/sev-guest", O_RDWR);

	if (argc != 3 || fd < 0) {
		perror("/dev/sev-guest");
		return 1;
	}
	memset(request.report.user_data, 0xa5, sizeof(request.report.user_data));
	if (ioctl(fd, GET_EXTENDED, &argument) < 0) {
		perror("SNP_GET_EXT_REPORT");
		return 1;
	}
	/* Status, length and 24 bytes of zero come first. */
	put(argv[1], response + 32, 1184);
	put(argv[2], table, request.certs_len);
	return 0;
}
