// TopicCatalog: which topics there are, stored in one file that is replaced atomically
// (`topics`, docs/formats/log-segment.md).
//
// Thread contract: the log's lock guards it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file_system.h"
#include "log/types.h"

namespace millrace::log {

inline constexpr std::string_view kCatalogFile = "topics";

struct TopicCatalog {
  std::map<std::string, TopicInfo> topics;
  // Deleted topics whose folders may still be there; a start removes them.
  std::map<std::string, Uuid> deleting;
  // Producer ids below it may have been given out.
  int64_t next_producer_id = 1;

  std::string Encode() const;
  static Result<TopicCatalog> Decode(std::string_view bytes);
};

// 1-249 of [a-zA-Z0-9._-], not "." or ".."; counts and sizes within their ranges. kInvalidArgument.
Status CheckTopicSpec(const TopicSpec& spec);

}  // namespace millrace::log
