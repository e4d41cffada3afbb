// The profile of a project: which roles do not run embedded, and where they run.
#include "pipeline/project_loader.h"

namespace millrace::pipeline {
namespace {

std::chrono::milliseconds Milliseconds(int64_t micros) {
  return std::chrono::milliseconds(micros / 1000);
}

// Whether this version can run `role` at `place`.
bool IsBuilt(std::string_view role, std::string_view place) {
  return place == "embedded" || (role == "tables" && place == "cassandra") ||
         (role == "log" && place == "kafka");
}

}  // namespace

void ProjectLoader::LoadProfile(const Section& root) {
  if (options_.profile.empty()) return;
  std::vector<std::string> names;
  for (const auto& [name, profile] : root.Children("profiles")) {
    names.push_back(name);
    if (name != options_.profile) continue;
    const Section roles = profile.Child("roles");
    for (const std::string& role : MembersOf("profiles.*.roles")) {
      const std::string place = roles.Text(role);
      if (IsBuilt(role, place)) continue;
      Error(roles.Where(role),
            fmt::format("profile {}: role {} on {} is not built yet", name, role, place),
            role == "tables" ? "this version has tables embedded and on cassandra"
                             : "this version runs this role embedded");
    }
    if (roles.Text("log") == "kafka") LoadKafka(name, profile);
    if (roles.Text("tables") == "cassandra") LoadCassandra(profile.Child("cassandra"));
    return;
  }
  const std::string nearest = sql::NearestName(options_.profile, names);
  Error({}, fmt::format("no profile \"{}\"", options_.profile),
        nearest.empty() ? "" : fmt::format("did you mean \"{}\"?", nearest));
}

void ProjectLoader::LoadKafka(const std::string& profile, const Section& section) {
  const Section given = section.Child("kafka");
  KafkaRole role;
  kafka::ClientSettings& settings = role.settings;
  settings.place = fmt::format("profiles.{}.kafka", profile);
  settings.project = project_.name;
  settings.bootstrap_servers = given.Text("bootstrap_servers");
  if (settings.bootstrap_servers.empty()) {
    Error(section.Child("roles").Where("log"),
          fmt::format("profile {}: role log is on kafka, but no cluster is named", profile),
          fmt::format("add {}.bootstrap_servers", settings.place));
  }
  settings.replication = static_cast<int>(given.Integer("replication"));
  settings.transaction_timeout =
      std::chrono::milliseconds(given.DurationUs("transaction_timeout") / 1000);
  settings.transaction_bytes_max = static_cast<uint64_t>(given.Bytes("transaction_bytes"));
  settings.prefetch_bytes = static_cast<uint64_t>(given.Bytes("prefetch"));
  const Section tls = given.Child("tls");
  settings.tls.enabled = tls.Boolean("enabled");
  settings.tls.verify_host = tls.Boolean("verify_host");
  const auto file = [&](std::string_view name) {
    const std::string path = tls.Text(name);
    if (path.empty()) return path;
    if (!fs_.Exists(PathOf(path))) Error(tls.Where(name), fmt::format("no file {}", PathOf(path)));
    return PathOf(path);
  };
  settings.tls.ca_file = file("ca");
  settings.tls.certificate_file = file("certificate");
  settings.tls.key_file = file("key");
  const Section sasl = given.Child("sasl");
  const std::string mechanism = sasl.Text("mechanism");
  using kafka::SaslMechanism;
  settings.sasl.mechanism = mechanism == "plain"           ? SaslMechanism::kPlain
                            : mechanism == "scram_sha_256" ? SaslMechanism::kScramSha256
                            : mechanism == "scram_sha_512" ? SaslMechanism::kScramSha512
                                                           : SaslMechanism::kNone;
  settings.sasl.user = sasl.Text("user");
  role.secret_place = sasl.Text("password");
  if (mechanism != "none" && (settings.sasl.user.empty() || role.secret_place.empty()))
    Error(sasl.Where("mechanism"),
          fmt::format("profile {}: {} needs user and password", profile, mechanism));
  project_.kafka = std::move(role);
}

void ProjectLoader::LoadCassandra(const Section& section) {
  CassandraDef& cassandra = project_.cassandra.emplace();
  cql::ClientOptions& client = cassandra.client;
  client.settings = fmt::format("profiles.{}.cassandra", options_.profile);
  if (section.Has("contact_points")) client.contact_points = section.Texts("contact_points");
  client.port = static_cast<uint16_t>(section.Integer("port"));
  client.user = section.Text("user");
  client.local_datacenter = section.Text("local_datacenter");
  client.consistency =
      cql::wire::ConsistencyOf(section.Text("consistency")).value_or(client.consistency);
  client.compression = section.Text("compression") == "lz4" ? cql::wire::Compression::kLz4
                                                            : cql::wire::Compression::kNone;
  client.connections_per_node = static_cast<int>(section.Integer("connections_per_node"));
  client.in_flight_max = static_cast<size_t>(section.Integer("in_flight"));
  client.connect_timeout = Milliseconds(section.DurationUs("connect_timeout"));
  client.request_timeout = Milliseconds(section.DurationUs("request_timeout"));
  client.retry_timeout = Milliseconds(section.DurationUs("retry_timeout"));
  cassandra.password_place = section.Text("password");
  cassandra.alter_schema = section.Boolean("alter_schema");
  if (client.user.empty() != cassandra.password_place.empty()) {
    Error(section.Where(client.user.empty() ? "password" : "user"),
          "a login is a user and a password", "set both, or neither");
  }
  if (!section.Has("tls")) return;
  const Section tls = section.Child("tls");
  const auto path = [&](std::string_view name) {
    const std::string file = tls.Text(name);
    if (file.empty()) return file;
    std::string found = PathOf(file);
    if (!fs_.Exists(found)) Error(tls.Where(name), fmt::format("no file {}", found));
    return found;
  };
  client.tls = io::TlsClientOptions{.ca_file = path("ca_file"),
                                    .certificate_file = path("certificate_file"),
                                    .key_file = path("key_file"),
                                    .verify_host = tls.Boolean("verify_host")};
  if (client.tls->certificate_file.empty() != client.tls->key_file.empty()) {
    Error(section.Where("tls"), "a client certificate is a certificate_file and a key_file",
          "set both, or neither");
  }
}

// What is other in a cluster's tables than in embedded ones.
void ProjectLoader::CheckTablesRole() {
  if (!project_.cassandra) return;
  for (const auto& [name, table] : project_.tables) {
    if (table.schema.default_time_to_live_s == 0) continue;
    problems_.push_back(
        {table.file, table.where,
         fmt::format("table {}: on Cassandra its default_time_to_live counts from when a row "
                     "arrives, not from its write time",
                     name),
         "rows that are replayed live longer there", true});
  }
}

}  // namespace millrace::pipeline
