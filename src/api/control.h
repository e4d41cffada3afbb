// The control socket: a Unix socket (mode 0600) in the data folder, over which commands ask a
// running `millrace run` to do operations. HTTP underneath: POST /operations with the request as
// below, answered by a stream of frames.
//
//   request   fields, each: u32 size, bytes. In order: name; number of arguments as text, the
//   arguments; number of flags
//             as text, then flag and value in turn; input.
//   frame     u8 kind ('o' standard output, 'e' standard error, 'x' the end), u32 size, bytes
//   end       u8 1 done / 0 failed; when failed: error code name, message and hint as fields
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/result.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "pipeline/operation.h"

namespace millrace::api {

inline constexpr std::string_view kOperationsPath = "/operations";

std::string EncodeRequest(const pipeline::OperationRequest& request);
Result<pipeline::OperationRequest> DecodeRequest(std::string_view bytes);

// "<data>/control.sock".
std::string ControlSocketPath(const std::string& data_folder);

// Whether a process listens there now; a socket that a dead one left does not.
bool IsListening(const std::string& socket);

// Runs the request in `context` as the answer of POST /operations. `context` outlives the answer's
// stream.
io::HttpResponse AnswerOperation(const io::HttpRequest& request, pipeline::Workspace& workspace,
                                 pipeline::Runner* runner, CancelToken& stopping);

// Who answered a request.
enum class Answerer {
  kNobody,    // nobody listens there: the data folder may be free
  kNotReady,  // a pipeline that starts or stops, and did nothing: ask again in a moment
  kPipeline,  // the operation was begun: nobody else may do it
};

// Asks the process behind `socket`; gives its output to `output`. kUnavailable unless a pipeline
// answered; an operation's own kUnavailable is told from that by `answerer`.
Status AskRunning(io::HttpClient& client, const std::string& socket,
                  const pipeline::OperationRequest& request, pipeline::Output& output,
                  CancelToken* cancel, Answerer& answerer);

}  // namespace millrace::api
