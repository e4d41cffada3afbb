// DdlParser: recursive descent over the tokens of one script. Functions that return false have
// noted an error; the statement is given up then. Mistakes of meaning (an unknown type, a key
// column that is none) are noted without giving up, so that one look shows them all. Used by
// ParseDdl alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cql/grammar/ddl.h"
#include "cql/grammar/lexer.h"

namespace millrace::cql {

class DdlParser {
 public:
  DdlParser(std::string_view file, std::string_view text,
            const std::vector<store::UserType>& known_types);
  DdlScript Run() &&;

 private:
  struct Name {
    std::string text;
    Place place;
  };
  // What CREATE TABLE names before its columns are all known.
  struct TableDraft {
    store::TableSchema schema;
    std::vector<Place> column_places;
    std::vector<Name> partition_key;
    std::vector<Name> clustering_key;
    bool has_key = false;
    Place place;
    struct Order {
      Name column;
      bool descending;
    };
    std::vector<Order> order;
  };

  // Tokens.
  void Shift();
  bool Error(const Place& place, std::string message, std::string suggestion = "");
  bool Expected(std::string_view what, std::string suggestion = "");
  bool TakeSymbol(char symbol);
  bool AcceptSymbol(char symbol);
  bool TakeWord(std::string_view word);
  bool AcceptWord(std::string_view word);
  bool TakeName(std::string_view what, Name& name);
  bool TakeQualified(std::string_view what, std::string& keyspace, Name& name);
  bool AcceptIfNotExists(bool& if_not_exists);
  void SkipStatement();

  // Statements.
  bool ParseStatement();
  bool ParseUse();
  bool ParseKeyspace(const Place& place);
  bool ParseUserType(const Place& place);
  bool ParseTable(const Place& place);
  bool ParseTableElements(TableDraft& draft);
  bool ParseTableElement(TableDraft& draft);
  bool ParsePrimaryKey(TableDraft& draft);
  bool ParseColumnList(std::vector<Name>& names);
  void Resolve(TableDraft& draft);
  bool ResolveKey(TableDraft& draft, const std::vector<Name>& names, store::ColumnKind kind);
  void ResolveOrder(TableDraft& draft);
  void SortByKey(TableDraft& draft);

  // Types.
  bool ParseType(store::CqlType& type, int depth);
  bool ParseNestedType(const Token& name, store::CqlType& type, int depth);
  bool ResolveTypeName(const Token& name, bool quoted, store::CqlType& type);
  void CheckColumnType(const Place& place, const store::CqlType& type);

  // Options: ddl_options.cc.
  bool ParseKeyspaceOptions(store::Keyspace& keyspace);
  bool ParseTableOptions(TableDraft& draft);
  bool ParseTableOption(TableDraft& draft);
  bool ParseClusteringOrder(TableDraft& draft);
  // A number, text, word or map, as written.
  bool ParseOptionValue(std::string& text, TokenKind& kind);
  bool ParseMap(std::string& text);
  bool ParseSeconds(const Name& option, int32_t& seconds);

  std::string file_;
  Lexer lexer_;
  Token token_;
  std::string keyspace_;       // of the last USE
  std::string type_keyspace_;  // of the statement: where its type names are looked up
  std::vector<store::UserType> types_;
  DdlScript script_;
};

}  // namespace millrace::cql
