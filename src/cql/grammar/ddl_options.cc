// WITH clauses of DdlParser.
#include <charconv>

#include "cql/grammar/ddl_parser.h"
#include "cql/grammar/nearest.h"

namespace millrace::cql {
namespace {

// Options of Cassandra that say how it keeps a table; read and without meaning for the embedded
// store.
constexpr std::string_view kPassedOver[] = {"additional_write_policy",
                                            "bloom_filter_fp_chance",
                                            "caching",
                                            "cdc",
                                            "compaction",
                                            "compression",
                                            "crc_check_chance",
                                            "dclocal_read_repair_chance",
                                            "extensions",
                                            "max_index_interval",
                                            "memtable",
                                            "memtable_flush_period_in_ms",
                                            "min_index_interval",
                                            "read_repair",
                                            "read_repair_chance",
                                            "speculative_retry"};

std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

}  // namespace

bool DdlParser::ParseOptionValue(std::string& text, TokenKind& kind) {
  kind = token_.kind;
  if (token_.IsSymbol('{')) return ParseMap(text);
  std::string sign;
  if (AcceptSymbol('-')) sign = "-";
  if (token_.kind != TokenKind::kNumber &&
      (!sign.empty() || (token_.kind != TokenKind::kString && token_.kind != TokenKind::kWord)))
    return Expected("a value");
  kind = token_.kind;
  text = sign + token_.text;
  Shift();
  return true;
}

bool DdlParser::ParseMap(std::string& text) {
  text = "{";
  Shift();
  while (!token_.IsSymbol('}')) {
    if (text.size() > 1) {
      if (!TakeSymbol(',')) return false;
      text += ", ";
    }
    if (token_.kind != TokenKind::kString) return Expected("a 'text' as key of the map");
    text += Quoted(token_.text) + ": ";
    Shift();
    if (!TakeSymbol(':')) return false;
    if (token_.kind != TokenKind::kString && token_.kind != TokenKind::kNumber &&
        token_.kind != TokenKind::kWord)
      return Expected("a value of the map");
    text += token_.kind == TokenKind::kString ? Quoted(token_.text) : token_.text;
    Shift();
  }
  text += "}";
  Shift();
  return true;
}

bool DdlParser::ParseKeyspaceOptions(store::Keyspace& keyspace) {
  do {
    Name option;
    if (!TakeName("an option", option) || !TakeSymbol('=')) return false;
    const Place place = token_.place;
    std::string value;
    TokenKind kind;
    if (!ParseOptionValue(value, kind)) return false;
    if (option.text == "replication") {
      if (kind != TokenKind::kSymbol)
        Error(place, "replication takes a map",
              "{'class': 'SimpleStrategy', 'replication_factor': 1}");
      keyspace.replication = value;
    } else if (option.text == "durable_writes") {
      if (value != "true" && value != "false") Error(place, "durable_writes takes true or false");
      keyspace.durable_writes = value != "false";
    } else {
      Error(option.place, fmt::format("unknown keyspace option '{}'", option.text),
            SuggestNearest(option.text, {"replication", "durable_writes"}));
    }
  } while (AcceptWord("and"));
  return true;
}

bool DdlParser::ParseTableOptions(TableDraft& draft) {
  do {
    if (!ParseTableOption(draft)) return false;
  } while (AcceptWord("and"));
  return true;
}

bool DdlParser::ParseSeconds(const Name& option, int32_t& seconds) {
  const Place place = token_.place;
  std::string value;
  TokenKind kind;
  if (!ParseOptionValue(value, kind)) return false;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), seconds);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == value.data() + value.size();
  if (kind != TokenKind::kNumber || !whole || seconds < 0) {
    seconds = 0;
    Error(place, fmt::format("{} takes a number of seconds, 0 to 2147483647", option.text));
  }
  return true;
}

bool DdlParser::ParseTableOption(TableDraft& draft) {
  if (AcceptWord("clustering")) return ParseClusteringOrder(draft);
  if (token_.IsWord("compact"))
    return Error(token_.place, "COMPACT STORAGE is not supported",
                 "leave it out; Cassandra 4 refuses it too");
  Name option;
  if (!TakeName("an option", option) || !TakeSymbol('=')) return false;
  if (option.text == "default_time_to_live")
    return ParseSeconds(option, draft.schema.default_time_to_live_s);
  if (option.text == "gc_grace_seconds") return ParseSeconds(option, draft.schema.gc_grace_s);
  const Place place = token_.place;
  std::string value;
  TokenKind kind;
  if (!ParseOptionValue(value, kind)) return false;
  if (option.text == "comment") {
    if (kind != TokenKind::kString) Error(place, "comment takes a 'text'");
    draft.schema.comment = value;
    return true;
  }
  std::vector<std::string_view> known{"comment", "default_time_to_live", "gc_grace_seconds",
                                      "clustering"};
  for (std::string_view name : kPassedOver) {
    if (option.text == name) return true;
    known.push_back(name);
  }
  Error(option.place, fmt::format("unknown table option '{}'", option.text),
        SuggestNearest(option.text, known));
  return true;
}

bool DdlParser::ParseClusteringOrder(TableDraft& draft) {
  if (!TakeWord("order") || !TakeWord("by") || !TakeSymbol('(')) return false;
  do {
    TableDraft::Order order{};
    if (!TakeName("a clustering column", order.column)) return false;
    order.descending = AcceptWord("desc");
    if (!order.descending && !AcceptWord("asc") && !token_.IsSymbol(',') && !token_.IsSymbol(')'))
      return Expected("ASC or DESC", SuggestNearest(token_.text, {"asc", "desc"}));
    draft.order.push_back(std::move(order));
  } while (AcceptSymbol(','));
  return AcceptSymbol(')') || Expected("',' or ')'");
}

}  // namespace millrace::cql
