package demo.hessian;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import demo.api.Item;
import demo.api.Order;
import demo.api.OrderStatus;
import demo.util.Bytes;
import demo.util.Dump;
import demo.util.Opt;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * --out FOLDER: values in Hessian2 (Dubbo's hessian-lite) and in SOFA's older grammar, one file of hex each, with what Java reads in them.
 * "written": Java's own writer made the bytes; "made": we did, as no Java writer uses that tag, and Java's reader took them.
 * --read hessian2|sofa HEX: prints what Java reads in these bytes.
 */
public class Vectors {
    /** One of the two grammars, as its Java library speaks it. */
    interface Grammar {
        String name();
        byte[] write(Object[] values) throws IOException;
        List<Object> read(byte[] bytes, int count) throws IOException;
    }

    static class Hessian2 implements Grammar {
        public String name() { return "hessian2"; }
        public byte[] write(Object[] values) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            com.alibaba.com.caucho.hessian.io.Hessian2Output out = new com.alibaba.com.caucho.hessian.io.Hessian2Output(bytes);
            for (Object value : values) out.writeObject(value);
            out.flush();
            return bytes.toByteArray();
        }
        public List<Object> read(byte[] bytes, int count) throws IOException {
            com.alibaba.com.caucho.hessian.io.Hessian2Input in = new com.alibaba.com.caucho.hessian.io.Hessian2Input(new ByteArrayInputStream(bytes));
            List<Object> values = new ArrayList<>();
            for (int i = 0; i < count; i++) values.add(in.readObject());
            return values;
        }
    }

    static class Sofa implements Grammar {
        public String name() { return "sofa"; }
        public byte[] write(Object[] values) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            com.caucho.hessian.io.Hessian2Output out = new com.caucho.hessian.io.Hessian2Output(bytes);
            for (Object value : values) out.writeObject(value);
            out.flush();
            return bytes.toByteArray();
        }
        public List<Object> read(byte[] bytes, int count) throws IOException {
            com.caucho.hessian.io.Hessian2Input in = new com.caucho.hessian.io.Hessian2Input(new ByteArrayInputStream(bytes));
            List<Object> values = new ArrayList<>();
            for (int i = 0; i < count; i++) values.add(in.readObject());
            return values;
        }
    }

    /* More classes than the short form of an object counts. */
    public static class C0 implements Serializable { public int v = 0; }
    public static class C1 implements Serializable { public int v = 1; }
    public static class C2 implements Serializable { public int v = 2; }
    public static class C3 implements Serializable { public int v = 3; }
    public static class C4 implements Serializable { public int v = 4; }
    public static class C5 implements Serializable { public int v = 5; }
    public static class C6 implements Serializable { public int v = 6; }
    public static class C7 implements Serializable { public int v = 7; }
    public static class C8 implements Serializable { public int v = 8; }
    public static class C9 implements Serializable { public int v = 9; }
    public static class C10 implements Serializable { public int v = 10; }
    public static class C11 implements Serializable { public int v = 11; }
    public static class C12 implements Serializable { public int v = 12; }
    public static class C13 implements Serializable { public int v = 13; }
    public static class C14 implements Serializable { public int v = 14; }
    public static class C15 implements Serializable { public int v = 15; }
    public static class C16 implements Serializable { public int v = 16; }
    public static class C17 implements Serializable { public int v = 17; }

    static final Object[] CLASSES = {new C0(), new C1(), new C2(), new C3(), new C4(), new C5(), new C6(), new C7(), new C8(), new C9(),
        new C10(), new C11(), new C12(), new C13(), new C14(), new C15(), new C16(), new C17(), new C17(), new C0()};

    static String text(String unit, int times) { return unit.repeat(times); }

    static byte[] binary(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = (byte) (i * 7);
        return bytes;
    }

    static List<Object> ints(int count) {
        List<Object> list = new ArrayList<>();
        for (int i = 0; i < count; i++) list.add(i);
        return list;
    }

    static <T> T with(T target, java.util.function.Consumer<T> edit) { edit.accept(target); return target; }

    /** Names and values that both libraries write. */
    static Map<String, Object[]> values() {
        Map<String, Object[]> all = new LinkedHashMap<>();
        all.put("doubles", new Object[] {0.0, 1.0, -1.0, -128.0, 127.0, 128.0, -32768.0, 32767.0, 32768.0, 0.5, 12.25, 0.001, 0.1, -0.001,
            123.456, 3.141592653589793, 1e10, 1e-10, 1e300, (double) Float.MAX_VALUE, Double.MIN_VALUE, Double.MAX_VALUE, Double.NaN,
            Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, -0.0, 16777217.0});
        all.put("longs", new Object[] {0L, -8L, 15L, -9L, 16L, -2048L, 2047L, -2049L, 2048L, -262144L, 262143L, -262145L, 262144L,
            (long) Integer.MIN_VALUE, (long) Integer.MAX_VALUE, Integer.MIN_VALUE - 1L, Integer.MAX_VALUE + 1L, Long.MIN_VALUE, Long.MAX_VALUE});
        all.put("ints", new Object[] {0, -16, 47, -17, 48, -2048, 2047, -2049, 2048, -262144, 262143, -262145, 262144, Integer.MIN_VALUE, Integer.MAX_VALUE});
        all.put("plain", new Object[] {null, true, false, new Date(0), new Date(60000), new Date(1700000000123L), new Date(-60000), new Date(-1)});
        all.put("strings", new Object[] {"", "a", text("x", 31), text("x", 32), text("y", 1000), text("\u00e9", 40), text("\u4e2d", 31),
            text("a\u4e2d\u00e9", 200), "\ud83d\ude00", text("\ud83d\ude00", 200), "\u0000\u007f\u0080\u07ff\u0800\uffff"});
        all.put("long-strings", new Object[] {text("x", 1023), text("x", 1024), text("z", 32769),
            text("a", 33) + text("\ud83d\ude00", 16384)});
        all.put("binaries", new Object[] {binary(0), binary(1), binary(15), binary(16), binary(255), binary(1023), binary(1024)});
        all.put("long-binaries", new Object[] {binary(4096), binary(9000)});
        all.put("lists", new Object[] {ints(0), ints(1), ints(7), ints(8), ints(300), new LinkedList<>(ints(3)), new LinkedList<>(ints(9)),
            new LinkedHashSet<>(Arrays.asList("b", "a")), new LinkedList<>(ints(0))});
        all.put("arrays", new Object[] {new int[] {}, new int[] {1, 2, 3}, new int[] {1, 2, 3, 4, 5, 6, 7, 8, 9}, new long[] {1, 1L << 40},
            new short[] {1, -2}, new double[] {0.5, 2}, new boolean[] {true, false}, new String[] {"a", null, "b"}, new Object[] {1, "x", null},
            new String[] {}, new int[] {4}, new Item[] {new Item("s", 1, 0.5)}});
        all.put("maps", new Object[] {new HashMap<>(), with(new HashMap<Object, Object>(), m -> { m.put("k", "v"); m.put("n", null); m.put(1, 2L); }),
            new TreeMap<>(Map.of("b", 1, "a", 2)), new TreeMap<>(Map.of("c", 3)), with(new LinkedHashMap<Object, Object>(), m -> { m.put("z", 1); m.put("y", 2); }),
            Collections.singletonMap("in", new HashMap<>(Map.of("in", "side")))});
        all.put("objects", new Object[] {new Item("sku", 3, 1.5), Order.sample(), OrderStatus.PAID, OrderStatus.PAID, OrderStatus.NEW, new BigDecimal("-12.340")});
        all.put("classes", CLASSES);
        List<Object> shared = ints(2), self = new ArrayList<>();
        self.add("self");
        self.add(self);
        all.put("refs", new Object[] {Arrays.asList(shared, shared, "x"), shared, self, new ArrayList<>(Arrays.asList(shared, self))});
        List<Object> many = new ArrayList<>(), first = ints(1), late = ints(1);
        many.add(first);
        for (int i = 0; i < 300; i++) many.add(new ArrayList<>());
        many.add(late);
        many.add(first);
        many.add(late);
        all.put("many-refs", new Object[] {many});
        all.put("short-forms", shortForms().toArray());
        return all;
    }

    /** Every tag that holds a part of its number or length. */
    static List<Object> shortForms() {
        List<Object> all = new ArrayList<>();
        for (int i = 0; i < 32; i++) all.add(text("s", i));
        for (int i = 1; i < 4; i++) all.add(text("m", i * 256));
        for (int i = 0; i < 16; i++) all.add(binary(i));
        for (int i = -16; i < 48; i++) all.add(i);
        for (int i = -8; i < 8; i++) all.add(i * 256 + 100);
        for (int i = -4; i < 4; i++) all.add(i * 65536 + 3000);
        for (long i = -8; i < 16; i++) all.add(i);
        for (long i = -8; i < 8; i++) all.add(i * 256 + 100);
        for (long i = -4; i < 4; i++) all.add(i * 65536 + 3000);
        for (int i = 0; i < 8; i++) all.add(ints(i));
        for (int i = 0; i < 8; i++) all.add(new int[i]);
        return all;
    }

    /**
     * Bytes that Java reads but doesn't write, by grammar: name, number of values, hex. (hessian-lite 4.0.4 reads lists that go to an end mark
     * only when they are arrays or empty.)
     */
    static final String[][] MADE_HESSIAN2 = {
        {"made-binaries", "6", "3403 010203 3500 " + "01".repeat(256) + " 3600 " + "02".repeat(512) + " 3700 " + "00".repeat(768) + " 410002 0102 420001 03 410001 01 22 0203"},
        {"made-strings", "4", "300161 3303 " + "62".repeat(771) + " 520001 61 530001 62 520001 61 02 6263"},
        {"made-doubles", "4", "5f0000007b 5fffffffff 5d80 5e8000"},
        {"made-longs", "3", "59ffffffff 5900000001 4c0000000000000001"},
        {"made-dates", "2", "4a0000018bcfe5687b 4b00000001"},
        {"made-lists", "6", "57 5a 55 04 5b696e74 90 91 5a 55 90 5a 58 92 90 91 56 05 5b6c6f6e67 92 e3 e4 56 90 91 95"},
        {"made-typed-maps", "3", "4d 11 6a6176612e7574696c2e547265654d6170 0161 90 5a 4d 90 0162 91 5a 48 0163 92 5a"},
        {"made-refs", "2", "7b 79 90 51 91 51 c801 51 90"},
        {"made-objects", "2", "43 0d 64656d6f2e6170692e4974656d 93 03736b75 03717479 057072696365 4f90 0161 91 5c 4f90 0162 92 5b"},
    };
    static final String[][] MADE_SOFA = {
        {"made-strings", "2", "730001 61 530001 62 730001 61 02 6263"},
        {"made-binaries", "3", "620002 0102 420001 03 620001 01 22 0203 420000"},
        {"made-doubles", "3", "69 80 6a 8000 6b 3f000000"},
        {"made-longs", "2", "77ffffffff 7700000001"},
        {"made-lists", "4", "56 90 91 7a 56 6c00000002 90 91 7a 56 740004 5b696e74 6e02 90 91 7a 76 90 92 93 94"},
        {"made-typed-maps", "4", "4d 740011 6a6176612e7574696c2e547265654d6170 0161 90 7a 4d 7590 0162 91 7a 4d 5490 0163 92 7a 4d 0164 93 7a"},
        {"made-refs", "2", "56 56 90 7a 4a01 4b0001 5200000001 7a 4a00"},
    };

    static JsonObject entry(Grammar grammar, Path folder, String name, String kind, byte[] bytes, int count) throws IOException {
        JsonObject entry = new JsonObject();
        JsonArray values = new JsonArray();
        for (Object value : grammar.read(bytes, count)) values.add(Dump.of(value));
        entry.addProperty("file", name + ".hex");
        entry.addProperty("bytes", kind);
        entry.add("values", values);
        Bytes.write(folder.resolve(name + ".hex"), Bytes.hex(bytes) + "\n");
        System.out.println(grammar.name() + " " + name + " " + bytes.length);
        return entry;
    }

    static byte[] bytes(String hex) {
        hex = hex.replace(" ", "");
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        return bytes;
    }

    static void write(Grammar grammar, Path out, String[][] made) throws IOException {
        Path folder = out.resolve(grammar.name());
        folder.toFile().mkdirs();
        JsonArray index = new JsonArray();
        for (Map.Entry<String, Object[]> e : values().entrySet())
            index.add(entry(grammar, folder, e.getKey(), "written", grammar.write(e.getValue()), e.getValue().length));
        for (String[] row : made) index.add(entry(grammar, folder, row[0], "made", bytes(row[2]), Integer.parseInt(row[1])));
        Bytes.write(folder.resolve("index.json"), Dump.GSON.toJson(index) + "\n");
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("--read")) {
            Grammar grammar = args[1].equals("sofa") ? new Sofa() : new Hessian2();
            for (int i = 2; i < args.length; i++) System.out.println(Dump.of(grammar.read(bytes(args[i]), 1).get(0)));
            return;
        }
        Path out = Paths.get(new Opt(args).s("out", "vectors"));
        write(new Hessian2(), out, MADE_HESSIAN2);
        write(new Sofa(), out, MADE_SOFA);
    }
}
