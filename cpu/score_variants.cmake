# The loops over scores, one object for each listed loss and instruction set. Maxima become vector
# code only where NaN need not be thought of, so NaN is looked for outside these files. Under
# sanitizers they are compiled for what these find, not for speed: it is the bulk of such a build.
set(score_flags ${KIN_SUM_FLAGS} -ffinite-math-only)
if(KIN_SANITIZE)
  list(APPEND score_flags -O1)
endif()
foreach(form LOSS ROW_LOSS)
  set(source score)
  if(form STREQUAL ROW_LOSS)
    set(source row)
  endif()
  kin_listed(loss_names ${CMAKE_SOURCE_DIR}/losses/losses.def ${form})
  foreach(loss ${loss_names})
    kin_loops(score_${loss} SOURCE cpu/loops/${source}.c DEFINES KIN_LOSS_ID=${loss}
              FLAGS ${score_flags})
  endforeach()
endforeach()
