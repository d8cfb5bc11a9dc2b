"""The images of a batch shared by several threads, each with a run of consecutive ones."""


def over_images(work, count, workers):
    """Return ``[work(slice), ...]`` for runs that together make up ``count`` images, in order.

    NumPy lets go of the interpreter inside its loops, so the runs are computed side by side.
    """
    workers = min(workers, count)
    if workers <= 1:
        return [work(slice(0, count))]
    import threading  # on demand: importing the library must start nothing

    ends = [count * k // workers for k in range(workers + 1)]
    results = [None] * workers

    def run(k):
        try:
            results[k] = work(slice(ends[k], ends[k + 1]))
        except BaseException as error:  # it belongs to the thread of the caller
            results[k] = error

    threads = [threading.Thread(target=run, args=(k,)) for k in range(1, workers)]
    for thread in threads:
        thread.start()
    run(0)
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
