/* PER_THREAD declares a static variable of which each thread has its own. */
#ifndef FASTNET_PER_THREAD_H
#define FASTNET_PER_THREAD_H

#ifdef _MSC_VER
#define PER_THREAD static __declspec(thread)
#else
#define PER_THREAD static __thread
#endif

#endif
