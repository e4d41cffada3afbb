// Any bytes through the DDL parser: it ends, its places are sane, and what it accepts prints as CQL
// that it accepts again with the same meaning.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cql/grammar/ddl.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const cql::DdlScript script = cql::ParseDdl("fuzz.cql", text);
  std::vector<store::UserType> types;
  for (const cql::DdlError& error : script.errors) {
    MR_CHECK(error.place.line >= 1 && error.place.column >= 1, "places count from 1");
    MR_CHECK(!error.message.empty(), "an error says what is wrong");
  }
  for (const cql::DdlStatement& statement : script.statements) {
    if (const auto* type = std::get_if<store::UserType>(&statement.what)) types.push_back(*type);
    const auto* table = std::get_if<store::TableSchema>(&statement.what);
    if (table == nullptr) continue;
    const cql::DdlScript again = cql::ParseDdl("again.cql", table->ToCql(), types);
    // A type name that another keyspace has too may mean that one when printed without its
    // keyspace.
    if (!again.errors.empty() || types.size() > 1) continue;
    MR_CHECK(again.statements.size() == 1, "a printed table is one statement");
    MR_CHECK(std::get<store::TableSchema>(again.statements[0].what) == *table,
             "a printed table reads back equal");
  }
  return 0;
}
