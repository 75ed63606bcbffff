#include "server/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool data_dir_make(const char *dir)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s", dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return false;
    for (char *p = path + 1;; p++)
        if (*p == '/' || !*p) {
            char was = *p;
            *p = '\0';
            if (mkdir(path, 0755) && errno != EEXIST)
                return false;
            if (!(*p = was))
                return true;
        }
}

bool data_dir_make_catalogs(const char *dir)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/catalogs", dir);
    if (n < 0 || (size_t)n >= sizeof path || (mkdir(path, 0755) && errno != EEXIST))
        return false;
    return !access(path, W_OK | X_OK);
}

bool data_dir_become_user(const char *dir, const char *name)
{
    struct stat st;
    if (geteuid() != 0)
        return true;
    if (*name) {
        struct passwd *p = getpwnam(name);
        return p && !chown(dir, p->pw_uid, p->pw_gid) && !initgroups(name, p->pw_gid) &&
               !setgid(p->pw_gid) && !setuid(p->pw_uid);
    }
    if (stat(dir, &st) || st.st_uid == 0)
        return true;
    return !setgroups(0, NULL) && !setgid(st.st_gid) && !setuid(st.st_uid);
}

int data_dir_lock(const char *dir)
{
    char path[4096], text[32];
    snprintf(path, sizeof path, "%s/soukd.pid", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd < 0 || fcntl(fd, F_SETLK, &l)) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        errno = why;
        return -1;
    }
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n) {
        close(fd);
        return -1;
    }
    return fd;
}
