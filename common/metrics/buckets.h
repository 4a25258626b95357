#pragma once

#include <vector>

/// Upper bounds of the histograms. Every objective has an edge at its limit (0.5 s, 30 s): without it no ratio of good
/// requests can be computed.
namespace keystrand::metrics::buckets {

inline std::vector<double> Http() { return {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}; }
/// Http and 30: a handler's or a produce call's limit.
inline std::vector<double> Handler() { return {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}; }
/// From answer to effect: minutes to hours when something is down.
inline std::vector<double> Path() {
  return {.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600};
}
inline std::vector<double> Database() { return {.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}; }
inline std::vector<double> BodyBytes() { return {1024, 4096, 16384, 65536, 262144, 1048576}; }
/// From the provider's event to our acceptance: its retries reach over three days.
inline std::vector<double> SourceDelay() { return {.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400, 259200}; }

}  // namespace keystrand::metrics::buckets
