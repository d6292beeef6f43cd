/* cross.c -- threads that free each other's blocks.

   The threads form a ring.  Each fills a batch of blocks, hands it to the next
   thread and frees the batch that the thread before it handed over, as the
   stages of a pipeline do.  Every free is therefore a foreign thread's.  */

#include "workload.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum
{
  BATCH = 200, /* blocks */
  WAITING = 8  /* batches between two threads at most */
};

static long ops = 10000000, threads = 4, smallest = 16, largest = 400;

static const struct dm_option options[] = {
    {"ops", &ops, "blocks handed on in all threads together"},
    {"threads", &threads, "threads of the ring"},
    {"smallest", &smallest, "bytes of the smallest block"},
    {"largest", &largest, "bytes of the largest block"},
    {NULL, NULL, NULL}};

/* The queue into one thread: a ring of batches under a lock, which is taken
   once for 200 blocks and so hardly shows.  */
struct queue
{
  pthread_mutex_t lock;
  pthread_cond_t changed;
  unsigned put, taken;
  void *batches[WAITING][BATCH];
} __attribute__((aligned(128)));

static struct queue *queues;

static void
put(struct queue *queue, void **batch)
{
  pthread_mutex_lock(&queue->lock);
  while (queue->put - queue->taken == WAITING)
    pthread_cond_wait(&queue->changed, &queue->lock);
  for (int i = 0; i < BATCH; i++)
    queue->batches[queue->put % WAITING][i] = batch[i];
  queue->put++;
  pthread_cond_signal(&queue->changed);
  pthread_mutex_unlock(&queue->lock);
}

static void
take(struct queue *queue, void **batch)
{
  pthread_mutex_lock(&queue->lock);
  while (queue->put == queue->taken)
    pthread_cond_wait(&queue->changed, &queue->lock);
  for (int i = 0; i < BATCH; i++)
    batch[i] = queue->batches[queue->taken % WAITING][i];
  queue->taken++;
  pthread_cond_signal(&queue->changed);
  pthread_mutex_unlock(&queue->lock);
}

static void
stage(long number)
{
  struct queue *mine = &queues[number];
  struct queue *next = &queues[(number + 1) % threads];
  uint64_t random = 88172645463325252ull + (uint64_t) number;
  uint64_t sizes = (uint64_t) (largest - smallest + 1);
  void *batch[BATCH];
  for (long round = ops / threads / BATCH; round > 0; round--)
  {
    for (int i = 0; i < BATCH; i++)
    {
      batch[i] = malloc(smallest + dm_workload_below(&random, sizes));
      *(char *) batch[i] = 1;
    }
    put(next, batch);
    take(mine, batch);
    for (int i = 0; i < BATCH; i++)
      free(batch[i]);
  }
}

int
main(int argc, char **argv)
{
  dm_workload_options(argc, argv, options);
  if (threads < 1 || largest < smallest)
    return 2;
  queues = dm_workload_table((size_t) threads * sizeof *queues);
  for (long i = 0; i < threads; i++)
  {
    pthread_mutex_init(&queues[i].lock, NULL);
    pthread_cond_init(&queues[i].changed, NULL);
  }
  struct dm_clock start = dm_workload_now();
  dm_workload_threads(threads, stage);
  dm_workload_report("cross", ops, start);
  return 0;
}
