package oracle;

import java.util.PriorityQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Virtual time. Every simulated call is a thread, but only one runs at a time: the one whose due time is next.
 * At one instant: resumed waits and exits first (in the order they were scheduled), then new events in file order.
 */
public final class VirtualClock {
    private static final class Task implements Comparable<Task> {
        final long ns, number;
        final int event;
        final Runnable fresh;
        final Semaphore wake;

        Task(long ns, long number, int event, Runnable fresh, Semaphore wake) {
            this.ns = ns;
            this.number = number;
            this.event = event;
            this.fresh = fresh;
            this.wake = wake;
        }

        @Override
        public int compareTo(Task other) {
            int order = Long.compare(ns, other.ns);
            if (order == 0) order = Boolean.compare(wake == null, other.wake == null);
            return order == 0 ? Long.compare(number, other.number) : order;
        }
    }

    static VirtualClock current;
    private static final ThreadLocal<long[]> WAITED = ThreadLocal.withInitial(() -> new long[1]);
    private static final ThreadLocal<Integer> EVENT = new ThreadLocal<>(); // null: no simulated thread
    private final PriorityQueue<Task> queue = new PriorityQueue<>();
    private final Semaphore back = new Semaphore(0);
    private volatile long now;
    private volatile Throwable failed;
    private long next;
    volatile double load, cpu;

    VirtualClock(long baseMs) {
        now = baseMs * 1000000L;
    }

    void at(long ns, int event, Runnable what) {
        queue.add(new Task(ns, next++, event, what, null));
    }

    void run() throws InterruptedException {
        for (Task task; (task = queue.poll()) != null; ) {
            now = Math.max(now, task.ns);
            if (task.wake != null) task.wake.release();
            else start(task);
            back.acquire();
            if (failed != null) throw new IllegalStateException(failed);
        }
    }

    private void start(Task task) {
        Thread thread = new Thread(() -> {
            EVENT.set(task.event);
            try {
                task.fresh.run();
            } catch (Throwable x) {
                failed = x;
            } finally {
                back.release();
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    void pause(long ns) {
        Semaphore wake = new Semaphore(0);
        queue.add(new Task(now + ns, next++, EVENT.get(), null, wake));
        back.release();
        wake.acquireUninterruptibly();
    }

    void drop(int event) {
        queue.removeIf(task -> task.event == event && task.wake != null);
    }

    void hurry(int event) {
        for (Task task : queue)
            if (task.event == event && task.wake != null) {
                queue.remove(task);
                queue.add(new Task(now, next++, event, null, task.wake));
                return;
            }
    }

    static long takeWaitedNs() {
        long ns = WAITED.get()[0];
        WAITED.get()[0] = 0;
        return ns;
    }

    // what the rewritten classes of Sentinel call

    public static long ms() {
        return current.now / 1000000L;
    }

    public static long ns() {
        return current.now;
    }

    public static void sleep(long ms) {
        park(ms * 1000000L);
    }

    public static void unitSleep(TimeUnit unit, long n) {
        park(unit.toNanos(n));
    }

    public static void park(long ns) {
        if (EVENT.get() == null) { // a background thread of Sentinel
            try {
                Thread.sleep(Math.max(1, ns / 1000000L));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return;
        }
        WAITED.get()[0] += ns;
        current.pause(ns);
    }

    public static double load() {
        return current.load;
    }

    public static double cpu() {
        return current.cpu;
    }
}
