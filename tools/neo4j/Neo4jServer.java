import java.io.IOException;
import java.nio.file.Path;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;

/** Starts the Neo4j that is on the class path, as HOME/neo4j.conf says. */
public final class Neo4jServer {
    private Neo4jServer() {}

    public static void main(String[] args) throws IOException {
        Path home = Path.of(args[0]);
        var server = new DatabaseManagementServiceBuilder(home)
                .loadPropertiesFromFile(home.resolve("neo4j.conf"))
                .build();
        System.out.println("READY");
        // Whoever started us holds the other end of this pipe: it closes when they end, in any way.
        while (System.in.read() >= 0) {}
        server.shutdown();
        System.exit(0);
    }
}
