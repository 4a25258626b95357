// Only in the tsan preset. Debian's librdkafka starts threads with C11 thrd_create, which libtsan does not intercept:
// the new thread has no tsan state and crashes at its first malloc. glibc's C11 types have the pthread types' layout.
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
static int Code(int e) {
  return e == 0           ? thrd_success
         : e == ETIMEDOUT ? thrd_timedout
         : e == EBUSY     ? thrd_busy
         : e == ENOMEM    ? thrd_nomem
                          : thrd_error;
}
struct Start {
  thrd_start_t run;
  void* arg;
};
static void* Run(void* p) {
  struct Start s = *(struct Start*)p;
  free(p);
  return (void*)(intptr_t)s.run(s.arg);
}
int thrd_create(thrd_t* t, thrd_start_t run, void* arg) {
  struct Start* s = malloc(sizeof *s);
  s->run = run;
  s->arg = arg;
  return Code(pthread_create((pthread_t*)t, NULL, Run, s));
}
int thrd_join(thrd_t t, int* r) {
  void* p;
  int e = pthread_join((pthread_t)t, &p);
  if (r) *r = (int)(intptr_t)p;
  return Code(e);
}
int thrd_detach(thrd_t t) { return Code(pthread_detach((pthread_t)t)); }
int mtx_init(mtx_t* m, int type) {
  pthread_mutexattr_t a;
  pthread_mutexattr_init(&a);
  if (type & mtx_recursive) pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
  int e = pthread_mutex_init((pthread_mutex_t*)m, &a);
  pthread_mutexattr_destroy(&a);
  return Code(e);
}
int mtx_lock(mtx_t* m) { return Code(pthread_mutex_lock((pthread_mutex_t*)m)); }
int mtx_trylock(mtx_t* m) { return Code(pthread_mutex_trylock((pthread_mutex_t*)m)); }
int mtx_timedlock(mtx_t* m, const struct timespec* t) { return Code(pthread_mutex_timedlock((pthread_mutex_t*)m, t)); }
int mtx_unlock(mtx_t* m) { return Code(pthread_mutex_unlock((pthread_mutex_t*)m)); }
void mtx_destroy(mtx_t* m) { pthread_mutex_destroy((pthread_mutex_t*)m); }
int cnd_init(cnd_t* c) { return Code(pthread_cond_init((pthread_cond_t*)c, NULL)); }
int cnd_signal(cnd_t* c) { return Code(pthread_cond_signal((pthread_cond_t*)c)); }
int cnd_broadcast(cnd_t* c) { return Code(pthread_cond_broadcast((pthread_cond_t*)c)); }
int cnd_wait(cnd_t* c, mtx_t* m) { return Code(pthread_cond_wait((pthread_cond_t*)c, (pthread_mutex_t*)m)); }
int cnd_timedwait(cnd_t* c, mtx_t* m, const struct timespec* t) {
  return Code(pthread_cond_timedwait((pthread_cond_t*)c, (pthread_mutex_t*)m, t));
}
void cnd_destroy(cnd_t* c) { pthread_cond_destroy((pthread_cond_t*)c); }
