package oracle;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/** A private copy of Sentinel for each scenario, its clock and sleeps redirected to VirtualClock; nothing else is changed. */
class OracleLoader extends ClassLoader {
    private static final String SENTINEL = "com.alibaba.csp.sentinel.";
    private static final Map<String, byte[]> READ = new ConcurrentHashMap<>();

    OracleLoader(ClassLoader parent) {
        super(parent);
    }

    private static boolean isPrivate(String name) {
        return name.startsWith(SENTINEL) && !name.startsWith(SENTINEL + "log.") || name.startsWith("oracle.inside.");
    }

    /** Logs keep real time. */
    private static boolean isClocked(String name) {
        return !name.contains(".eagleeye.") && !name.contains(".node.metric.Metric") && !name.contains(".util.TimeUtil");
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!isPrivate(name)) return super.loadClass(name, resolve);
        synchronized (getClassLoadingLock(name)) {
            Class<?> there = findLoadedClass(name);
            if (there != null) return there;
            byte[] bytes = READ.get(name);
            if (bytes == null) READ.put(name, bytes = read(name));
            return defineClass(name, bytes, 0, bytes.length);
        }
    }

    private byte[] read(String name) throws ClassNotFoundException {
        try (InputStream in = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
            if (in == null) throw new ClassNotFoundException(name);
            byte[] bytes = in.readAllBytes();
            return isClocked(name) ? rewrite(bytes) : bytes;
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }

    /** The method of VirtualClock that is called instead, or null. */
    private static String instead(String owner, String method, String descriptor) {
        boolean system = owner.equals("java/lang/System");
        if ((system || owner.equals("com/alibaba/csp/sentinel/util/TimeUtil")) && method.equals("currentTimeMillis")) return "ms";
        if (system && method.equals("nanoTime")) return "ns";
        if (owner.equals("java/lang/Thread") && method.equals("sleep") && descriptor.equals("(J)V")) return "sleep";
        if (owner.equals("java/util/concurrent/locks/LockSupport") && method.equals("parkNanos") && descriptor.equals("(J)V")) return "park";
        if (owner.equals("java/util/concurrent/TimeUnit") && method.equals("sleep")) return "unitSleep";
        if (owner.endsWith("/SystemRuleManager") && method.equals("getCurrentSystemAvgLoad")) return "load";
        if (owner.endsWith("/SystemRuleManager") && method.equals("getCurrentCpuUsage")) return "cpu";
        return null;
    }

    private static byte[] rewrite(byte[] bytes) {
        ClassReader reader = new ClassReader(bytes);
        ClassWriter writer = new ClassWriter(reader, 0);
        reader.accept(new ClassVisitor(Opcodes.ASM9, writer) {
            @Override
            public MethodVisitor visitMethod(int access, String name, String descriptor, String signature, String[] exceptions) {
                return new MethodVisitor(Opcodes.ASM9, super.visitMethod(access, name, descriptor, signature, exceptions)) {
                    @Override
                    public void visitMethodInsn(int opcode, String owner, String method, String descriptor, boolean isInterface) {
                        String other = instead(owner, method, descriptor);
                        if (other == null) {
                            super.visitMethodInsn(opcode, owner, method, descriptor, isInterface);
                            return;
                        }
                        String type = other.equals("unitSleep") ? "(Ljava/util/concurrent/TimeUnit;J)V" : descriptor;
                        super.visitMethodInsn(Opcodes.INVOKESTATIC, "oracle/VirtualClock", other, type, false);
                    }
                };
            }
        }, 0);
        return writer.toByteArray();
    }
}
