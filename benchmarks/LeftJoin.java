import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;

/**
 * What Kafka Streams makes of the same topics: a left join of crime reports with records by the report's
 * reference, 24 hours of window, as much grace, JSON parsed, each miss and match put onto a topic.
 *
 * Arguments: bootstrap, reports topic, records topic, output topic, threads, "rekey" or "keyed", how many
 * reports and records reach the join, folder of its state. Prints the seconds from the first record to the
 * last one joined.
 */
public final class LeftJoin {
    private static final Set<String> CRIMES =
        Set.of("assault", "burglary", "criminal damage", "theft");

    private static final ThreadLocal<ObjectMapper> JSON = ThreadLocal.withInitial(ObjectMapper::new);

    private LeftJoin() { }

    private static JsonNode parse(String value) {
        try {
            return JSON.get().readTree(value);
        } catch (Exception error) {
            throw new IllegalStateException("unreadable input", error);
        }
    }

    private static boolean isReportOfCrime(JsonNode log) {
        for (JsonNode code : log.path("opening_codes")) {
            if (CRIMES.contains(code.asText())) {
                return true;
            }
        }
        return false;
    }

    public static void main(String[] given) throws Exception {
        boolean rekey = given[5].equals("rekey");
        long expected = Long.parseLong(given[6]);
        AtomicLong begun = new AtomicLong();
        AtomicLong joined = new AtomicLong();
        AtomicLong said = new AtomicLong();
        CountDownLatch done = new CountDownLatch(1);

        StreamsBuilder builder = new StreamsBuilder();
        Consumed<String, String> texts = Consumed.with(Serdes.String(), Serdes.String());
        KStream<String, JsonNode> logs = builder.stream(given[1], texts)
            .peek((key, value) -> begun.compareAndSet(0, System.nanoTime()))
            .mapValues(LeftJoin::parse)
            .filter((key, log) -> isReportOfCrime(log));
        KStream<String, JsonNode> crimes = builder.stream(given[2], texts)
            .peek((key, value) -> begun.compareAndSet(0, System.nanoTime()))
            .mapValues(LeftJoin::parse)
            .filter((key, crime) -> crime.path("incident_refs").size() > 0);
        KStream<String, String> reports = by(logs.mapValues(log -> log.path("ref").asText()), rekey);
        KStream<String, String> records =
            by(crimes.mapValues(crime -> crime.path("incident_refs").get(0).asText()), rekey);
        if (rekey) {
            reports = reports.repartition(org.apache.kafka.streams.kstream.Repartitioned
                .<String, String>as("reports").withKeySerde(Serdes.String()).withValueSerde(Serdes.String()));
            records = records.repartition(org.apache.kafka.streams.kstream.Repartitioned
                .<String, String>as("records").withKeySerde(Serdes.String()).withValueSerde(Serdes.String()));
        }
        Duration day = Duration.ofHours(24);
        reports.peek((key, value) -> count(joined, expected, done))
            .leftJoin(
                records.peek((key, value) -> count(joined, expected, done)),
                (report, record) -> record == null ? "missed" : "recorded",
                JoinWindows.ofTimeDifferenceAndGrace(day, day),
                StreamJoined.with(Serdes.String(), Serdes.String(), Serdes.String()))
            .peek((key, value) -> said.incrementAndGet())
            .to(given[3], Produced.with(Serdes.String(), Serdes.String()));

        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "left-join-" + given[5] + "-" + System.nanoTime());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given[0]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.parseInt(given[4]));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, given[7]);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.putAll(Map.of("auto.offset.reset", "earliest", "linger.ms", "100"));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        streams.start();
        done.await();
        double seconds = (System.nanoTime() - begun.get()) / 1e9;
        Thread.sleep(10_000);  // what it would still say of itself
        System.out.println(seconds + " " + said.get());
        streams.close(Duration.ofSeconds(10));
        Runtime.getRuntime().halt(0);
    }

    /** Keyed by the reference: by the topic's own key where that is it. */
    private static KStream<String, String> by(KStream<String, String> refs, boolean rekey) {
        return rekey ? refs.selectKey((key, ref) -> ref) : refs;
    }

    private static void count(AtomicLong joined, long expected, CountDownLatch done) {
        if (joined.incrementAndGet() == expected) {
            done.countDown();
        }
    }
}
