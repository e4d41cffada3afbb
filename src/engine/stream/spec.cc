#include "engine/stream/spec.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"

namespace millrace::engine {

uint64_t DefinitionHash(const QuerySpec& spec) {
  std::string text;
  AppendLittle(text, sql::HashOf(*spec.plan));
  for (const Expectation& expectation : spec.expectations) {
    text += expectation.name + '\0' + sql::ToString(*expectation.condition) + '\0' +
            expectation.message + '\0';
  }
  for (const TableSink& table : spec.tables) text += "table " + table.name + '\0';
  for (const TopicSink& topic : spec.topics)
    text += "topic " + topic.name + '\0' + topic.topic + '\0';
  text += spec.dead_letters.topic + '\0' + spec.late.topic + '\0' + spec.settings.zone + '\0';
  AppendLittle(text, int64_t{spec.settings.max_future_skew.count()});
  text.push_back(static_cast<char>(spec.settings.emit));
  return std::max<uint64_t>(Hash64(text), 1);
}

std::string SinkOwner(const std::string& query, const std::string& sink) {
  return "query/" + query + "/" + sink;
}

}  // namespace millrace::engine
