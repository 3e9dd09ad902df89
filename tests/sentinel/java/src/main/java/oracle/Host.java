package oracle;

/** What the isolated side needs of the simulator. */
public interface Host {
    /** Since the beginning. */
    long ms();

    /** Lets virtual time pass for the calling event. */
    void hold(long ms);

    /** How long the calling event slept since it was asked last. */
    long takeWaitedNs();

    void step(String kind, int event);

    void setLoad(double load, double cpu);

    /** The event, which sleeps, never goes on. */
    void drop(int event);

    /** The event, which sleeps, goes on now. */
    void hurry(int event);
}
