#include "cql/grammar/ddl_parser.h"

#include <algorithm>

#include "cql/grammar/nearest.h"

namespace millrace::cql {
namespace {

using store::ColumnKind;
using store::CqlKind;
using store::CqlType;

constexpr size_t kErrorsMax = 100;
constexpr int kTypeDepthMax = 16;
constexpr std::string_view kNotBuiltYet[] = {"counter", "duration", "vector"};

std::vector<std::string_view> ScalarNames() {
  std::vector<std::string_view> names{"list", "set", "map", "tuple", "frozen"};
  for (auto kind = static_cast<uint8_t>(CqlKind::kAscii);
       kind < static_cast<uint8_t>(CqlKind::kList); ++kind)
    names.push_back(store::CqlKindName(static_cast<CqlKind>(kind)));
  return names;
}

// frozen<...> freezes what is inside too.
void Freeze(CqlType& type) {
  if (type.kind >= CqlKind::kList) type.frozen = true;
  for (CqlType& argument : type.arguments) Freeze(argument);
}

}  // namespace

DdlParser::DdlParser(std::string_view file, std::string_view text,
                     const std::vector<store::UserType>& known_types)
    : file_(file), lexer_(text), types_(known_types) {
  Shift();
}

DdlScript DdlParser::Run() && {
  while (token_.kind != TokenKind::kEnd && script_.errors.size() < kErrorsMax) {
    if (AcceptSymbol(';')) continue;
    if (!ParseStatement()) SkipStatement();
  }
  return std::move(script_);
}

void DdlParser::Shift() { token_ = lexer_.Next(); }

bool DdlParser::Error(const Place& place, std::string message, std::string suggestion) {
  if (script_.errors.size() < kErrorsMax)
    script_.errors.push_back({file_, place, std::move(message), std::move(suggestion)});
  return false;
}

bool DdlParser::Expected(std::string_view what, std::string suggestion) {
  return Error(token_.place, fmt::format("expected {}, found {}", what, token_.Shown()),
               std::move(suggestion));
}

bool DdlParser::AcceptSymbol(char symbol) {
  if (!token_.IsSymbol(symbol)) return false;
  Shift();
  return true;
}

bool DdlParser::TakeSymbol(char symbol) {
  return AcceptSymbol(symbol) || Expected(fmt::format("'{}'", symbol));
}

bool DdlParser::AcceptWord(std::string_view word) {
  if (!token_.IsWord(word)) return false;
  Shift();
  return true;
}

bool DdlParser::TakeWord(std::string_view word) {
  if (AcceptWord(word)) return true;
  std::string upper(word);
  for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
  return Expected(upper,
                  token_.kind == TokenKind::kWord ? SuggestNearest(token_.text, {word}) : "");
}

bool DdlParser::TakeName(std::string_view what, Name& name) {
  if (token_.kind != TokenKind::kWord && token_.kind != TokenKind::kQuotedName)
    return Expected(what);
  if (token_.text.empty()) return Error(token_.place, fmt::format("{} is empty", what));
  name = {token_.text, token_.place};
  Shift();
  return true;
}

bool DdlParser::TakeQualified(std::string_view what, std::string& keyspace, Name& name) {
  if (!TakeName(what, name)) return false;
  keyspace = keyspace_;
  if (AcceptSymbol('.')) {
    keyspace = name.text;
    if (!TakeName(what, name)) return false;
  }
  if (keyspace.empty())
    return Error(name.place, fmt::format("{} '{}' has no keyspace", what, name.text),
                 fmt::format("write keyspace.{}, or USE a keyspace before", name.text));
  return true;
}

bool DdlParser::AcceptIfNotExists(bool& if_not_exists) {
  if_not_exists = AcceptWord("if");
  return !if_not_exists || (TakeWord("not") && TakeWord("exists"));
}

void DdlParser::SkipStatement() {
  while (token_.kind != TokenKind::kEnd && !token_.IsSymbol(';')) Shift();
}

bool DdlParser::ParseStatement() {
  const Place place = token_.place;
  if (AcceptWord("use")) return ParseUse();
  if (!token_.IsWord("create"))
    return Expected("CREATE or USE", token_.kind == TokenKind::kWord
                                         ? SuggestNearest(token_.text, {"create", "use"})
                                         : "");
  Shift();
  if (AcceptWord("keyspace") || AcceptWord("schema")) return ParseKeyspace(place);
  if (AcceptWord("type")) return ParseUserType(place);
  if (AcceptWord("table") || AcceptWord("columnfamily")) return ParseTable(place);
  for (std::string_view other :
       {"index", "custom", "materialized", "function", "aggregate", "role", "user", "trigger"})
    if (token_.IsWord(other))
      return Error(token_.place, fmt::format("CREATE {} is not supported", token_.text),
                   "a table of its own for each question serves it faster");
  return Expected("KEYSPACE, TABLE or TYPE",
                  SuggestNearest(token_.text, {"keyspace", "table", "type"}));
}

bool DdlParser::ParseUse() {
  Name name;
  if (!TakeName("a keyspace", name)) return false;
  keyspace_ = name.text;
  return token_.kind == TokenKind::kEnd || TakeSymbol(';');
}

bool DdlParser::ParseKeyspace(const Place& place) {
  DdlStatement statement;
  statement.place = place;
  store::Keyspace keyspace;
  Name name;
  if (!AcceptIfNotExists(statement.if_not_exists) || !TakeName("a keyspace", name)) return false;
  keyspace.name = name.text;
  if (AcceptWord("with") && !ParseKeyspaceOptions(keyspace)) return false;
  if (token_.kind != TokenKind::kEnd && !TakeSymbol(';')) return false;
  statement.what = std::move(keyspace);
  script_.statements.push_back(std::move(statement));
  return true;
}

bool DdlParser::ParseUserType(const Place& place) {
  DdlStatement statement;
  statement.place = place;
  store::UserType type;
  Name name;
  if (!AcceptIfNotExists(statement.if_not_exists) || !TakeQualified("a type", type.keyspace, name))
    return false;
  type.name = name.text;
  type_keyspace_ = type.keyspace;
  CqlType scalar;
  if (store::ScalarKindOf(type.name, scalar.kind))
    Error(name.place, fmt::format("'{}' is a type of CQL", type.name));
  if (!TakeSymbol('(')) return false;
  do {
    Name field;
    if (!TakeName("a field", field)) return false;
    if (std::count(type.field_names.begin(), type.field_names.end(), field.text) > 0)
      Error(field.place, fmt::format("field '{}' is defined twice", field.text));
    type.field_names.push_back(field.text);
    const Place type_place = token_.place;
    if (!ParseType(type.field_types.emplace_back(), 0)) return false;
    if (type.field_types.back().is_multi_cell())
      Error(type_place, "a collection inside a type must be frozen",
            fmt::format("frozen<{}>", type.field_types.back().ToString()));
  } while (AcceptSymbol(','));
  if (!TakeSymbol(')') || (token_.kind != TokenKind::kEnd && !TakeSymbol(';'))) return false;
  types_.push_back(type);
  statement.what = std::move(type);
  script_.statements.push_back(std::move(statement));
  return true;
}

bool DdlParser::ParseTable(const Place& place) {
  DdlStatement statement;
  statement.place = place;
  TableDraft draft;
  Name name;
  if (!AcceptIfNotExists(statement.if_not_exists) ||
      !TakeQualified("a table", draft.schema.keyspace, name))
    return false;
  draft.schema.name = name.text;
  type_keyspace_ = draft.schema.keyspace;
  draft.place = name.place;
  const size_t errors_before = script_.errors.size();
  if (!TakeSymbol('(') || !ParseTableElements(draft)) return false;
  if (AcceptWord("with") && !ParseTableOptions(draft)) return false;
  if (token_.kind != TokenKind::kEnd && !TakeSymbol(';')) return false;
  Resolve(draft);
  if (script_.errors.size() > errors_before) return true;
  const Status valid = store::ValidateSchema(draft.schema);
  if (!valid) {
    Error(draft.place, valid.error().message);
    return true;
  }
  statement.what = std::move(draft.schema);
  script_.statements.push_back(std::move(statement));
  return true;
}

bool DdlParser::ParseTableElements(TableDraft& draft) {
  do {
    if (token_.IsSymbol(')') && !draft.schema.columns.empty())
      break;  // a comma before ')' is forgiven
    if (!ParseTableElement(draft)) return false;
  } while (AcceptSymbol(','));
  return AcceptSymbol(')') || Expected("',' or ')'");
}

bool DdlParser::ParseTableElement(TableDraft& draft) {
  Name name;
  const bool may_be_key = token_.IsWord("primary");
  if (!TakeName("a column", name)) return false;
  if (may_be_key && token_.IsWord("key")) {
    Shift();
    if (draft.has_key) Error(name.place, "the primary key is given twice");
    return ParsePrimaryKey(draft);
  }
  if (draft.schema.IndexOf(name.text))
    Error(name.place, fmt::format("column '{}' is defined twice", name.text));
  store::ColumnSchema column{.name = name.text};
  const Place type_place = token_.place;
  if (!ParseType(column.type, 0)) return false;
  CheckColumnType(type_place, column.type);
  if (AcceptWord("static")) column.kind = ColumnKind::kStatic;
  if (AcceptWord("primary")) {
    if (!TakeWord("key")) return false;
    if (draft.has_key) Error(name.place, "the primary key is given twice");
    draft.has_key = true;
    draft.partition_key = {name};
  }
  draft.schema.columns.push_back(std::move(column));
  draft.column_places.push_back(name.place);
  return true;
}

bool DdlParser::ParseColumnList(std::vector<Name>& names) {
  do {
    if (!TakeName("a key column", names.emplace_back())) return false;
  } while (AcceptSymbol(','));
  return AcceptSymbol(')') || Expected("',' or ')'");
}

bool DdlParser::ParsePrimaryKey(TableDraft& draft) {
  draft.has_key = true;
  draft.partition_key.clear();
  draft.clustering_key.clear();
  if (!TakeSymbol('(')) return false;
  if (AcceptSymbol('(')) {
    if (!ParseColumnList(draft.partition_key)) return false;
  } else if (!TakeName("a key column", draft.partition_key.emplace_back())) {
    return false;
  }
  if (AcceptSymbol(',')) return ParseColumnList(draft.clustering_key);
  return AcceptSymbol(')') || Expected("',' or ')'");
}

bool DdlParser::ResolveKey(TableDraft& draft, const std::vector<Name>& names, ColumnKind kind) {
  std::vector<std::string_view> known;
  for (const auto& column : draft.schema.columns) known.push_back(column.name);
  for (const Name& name : names) {
    const auto at = draft.schema.IndexOf(name.text);
    if (!at) {
      Error(name.place, fmt::format("key column '{}' is no column of the table", name.text),
            SuggestNearest(name.text, known));
      continue;
    }
    store::ColumnSchema& column = draft.schema.columns[*at];
    if (column.kind == ColumnKind::kStatic)
      Error(name.place, fmt::format("key column '{}' cannot be static", name.text));
    else if (column.kind != ColumnKind::kRegular)
      Error(name.place, fmt::format("'{}' is in the key twice", name.text));
    if (!column.type.is_key_type())
      Error(draft.column_places[*at],
            fmt::format("key column '{}' is {}", name.text, column.type.ToString()),
            fmt::format("frozen<{}>", column.type.ToString()));
    column.kind = kind;
  }
  return true;
}

void DdlParser::Resolve(TableDraft& draft) {
  if (!draft.has_key) {
    Error(draft.place, fmt::format("table '{}' has no primary key", draft.schema.name),
          "add PRIMARY KEY (column) behind the columns");
    return;
  }
  ResolveKey(draft, draft.partition_key, ColumnKind::kPartitionKey);
  ResolveKey(draft, draft.clustering_key, ColumnKind::kClustering);
  for (size_t i = 0; i < draft.schema.columns.size(); ++i)
    if (draft.schema.columns[i].kind == ColumnKind::kStatic && draft.clustering_key.empty())
      Error(draft.column_places[i],
            fmt::format("column '{}' is static in a table without clustering columns",
                        draft.schema.columns[i].name),
            "leave STATIC out");
  ResolveOrder(draft);
  SortByKey(draft);
}

void DdlParser::ResolveOrder(TableDraft& draft) {
  for (size_t i = 0; i < draft.order.size(); ++i) {
    const Name& name = draft.order[i].column;
    if (i >= draft.clustering_key.size() || draft.clustering_key[i].text != name.text) {
      Error(name.place,
            i < draft.clustering_key.size()
                ? fmt::format("CLUSTERING ORDER BY names '{}' where clustering column '{}' comes",
                              name.text, draft.clustering_key[i].text)
                : fmt::format("'{}' in CLUSTERING ORDER BY is no clustering column", name.text),
            "name the clustering columns in key order");
      return;
    }
    const auto at = draft.schema.IndexOf(name.text);
    if (at) draft.schema.columns[*at].descending = draft.order[i].descending;
  }
}

void DdlParser::SortByKey(TableDraft& draft) {
  std::vector<store::ColumnSchema> sorted;
  const auto take = [&](const std::vector<Name>& names) {
    for (const Name& name : names)
      if (const auto at = draft.schema.IndexOf(name.text))
        sorted.push_back(draft.schema.columns[*at]);
  };
  take(draft.partition_key);
  take(draft.clustering_key);
  for (const auto& column : draft.schema.columns)
    if (column.kind >= ColumnKind::kStatic) sorted.push_back(column);
  draft.schema.columns = std::move(sorted);
}

void DdlParser::CheckColumnType(const Place& place, const CqlType& type) {
  if (type.kind == CqlKind::kUserType && !type.frozen)
    Error(place, fmt::format("user type '{}' must be frozen in a column", type.name),
          fmt::format("frozen<{}>", type.ToString()));
}

bool DdlParser::ParseType(CqlType& type, int depth) {
  if (depth > kTypeDepthMax) return Error(token_.place, "types nested too deep");
  const Token name = token_;
  if (name.kind != TokenKind::kWord && name.kind != TokenKind::kQuotedName)
    return Expected("a type");
  Shift();
  if (name.kind == TokenKind::kWord && token_.IsSymbol('<'))
    return ParseNestedType(name, type, depth);
  return ResolveTypeName(name, name.kind == TokenKind::kQuotedName, type);
}

bool DdlParser::ParseNestedType(const Token& name, CqlType& type, int depth) {
  Shift();
  std::vector<CqlType> arguments;
  std::vector<Place> places;
  const size_t errors_before = script_.errors.size();
  const bool frozen = name.text == "frozen";
  const bool tuple = name.text == "tuple";
  const size_t wanted = frozen || name.text == "list" || name.text == "set" ? 1
                        : name.text == "map"                                ? 2
                                                                            : 0;
  if (wanted == 0 && !tuple)
    return Error(name.place, fmt::format("'{}' takes no types in <>", name.text),
                 SuggestNearest(name.text, {"list", "set", "map", "tuple", "frozen"}));
  do {
    places.push_back(token_.place);
    if (!ParseType(arguments.emplace_back(), depth + 1)) return false;
  } while (AcceptSymbol(','));
  if (!AcceptSymbol('>')) return Expected("',' or '>'");
  if (!tuple && arguments.size() != wanted)
    return Error(name.place,
                 fmt::format("'{}' takes {} types, found {}", name.text, wanted, arguments.size()));
  if (frozen) {
    type = std::move(arguments[0]);
    if (type.kind < CqlKind::kList && script_.errors.size() == errors_before)
      Error(places[0], fmt::format("{} cannot be frozen, nor needs to", type.ToString()));
    Freeze(type);
    return true;
  }
  if (tuple) {
    type = CqlType::Tuple(std::move(arguments));
    Freeze(type);
    return true;
  }
  type.kind = name.text == "list"  ? CqlKind::kList
              : name.text == "set" ? CqlKind::kSet
                                   : CqlKind::kMap;
  type.arguments = std::move(arguments);
  return true;
}

bool DdlParser::ResolveTypeName(const Token& name, bool quoted, CqlType& type) {
  if (!quoted && store::ScalarKindOf(name.text, type.kind)) return true;
  std::string keyspace = type_keyspace_;
  std::string type_name = name.text;
  if (AcceptSymbol('.')) {
    Name behind;
    if (!TakeName("a type", behind)) return false;
    keyspace = type_name;
    type_name = behind.text;
  }
  std::vector<std::string_view> known = ScalarNames();
  for (const store::UserType& user : types_) {
    if (user.keyspace != keyspace) continue;
    known.push_back(user.name);
    if (user.name != type_name) continue;
    type.kind = CqlKind::kUserType;
    type.name = user.name;
    type.field_names = user.field_names;
    type.arguments = user.field_types;
    return true;
  }
  if (std::find(std::begin(kNotBuiltYet), std::end(kNotBuiltYet), type_name) !=
      std::end(kNotBuiltYet)) {
    Error(name.place, fmt::format("type '{}' is not supported", type_name));
  } else {
    Error(name.place, fmt::format("unknown type '{}'", type_name),
          SuggestNearest(type_name, known));
  }
  return true;  // the rest of the statement is still worth reading
}

}  // namespace millrace::cql
