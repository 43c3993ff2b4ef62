/* A disk that loses whatever was not synced: loaded into the bot with LD_PRELOAD, it copies a database file aside each
 * time the file is synced. After a power cut the copies are all that is left. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static int ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static void keep(int fd) {
    char link[64], path[PATH_MAX], kept[PATH_MAX], unfinished[PATH_MAX], piece[65536];
    const char *folder = getenv("DURABLE_FOLDER");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (folder == NULL || length < 0) return;
    path[length] = 0;
    if (!ends_with(path, ".db") && !ends_with(path, ".db-wal")) return;
    const char *name = strrchr(path, '/') + 1;
    if (snprintf(kept, sizeof kept, "%s/%s", folder, name) >= (int)sizeof kept) return;
    if (snprintf(unfinished, sizeof unfinished, "%s/%s.new", folder, name) >= (int)sizeof unfinished) return;
    pthread_mutex_lock(&one_at_a_time);
    int to = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    off_t at = 0;
    ssize_t got;
    while (to >= 0 && (got = pread(fd, piece, sizeof piece, at)) > 0) {
        if (write(to, piece, (size_t)got) != got) abort();
        at += got;
    }
    if (to >= 0) {
        close(to);
        rename(unfinished, kept);
    }
    pthread_mutex_unlock(&one_at_a_time);
}

static int synced(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = real(fd);
    if (result == 0) keep(fd);
    return result;
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
