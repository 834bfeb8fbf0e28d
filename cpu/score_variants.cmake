# The loops over scores, one object for each listed loss and instruction set. Maxima become vector
# code only where NaN need not be thought of, so NaN is looked for outside these files.
kin_listed(loss_names ${CMAKE_SOURCE_DIR}/losses/losses.def LOSS)
foreach(loss ${loss_names})
  kin_loops(score_${loss} SOURCE cpu/loops/score.c DEFINES KIN_LOSS_ID=${loss}
            FLAGS ${KIN_SUM_FLAGS} -ffinite-math-only)
endforeach()
kin_listed(loss_names ${CMAKE_SOURCE_DIR}/losses/losses.def ROW_LOSS)
foreach(loss ${loss_names})
  kin_loops(score_${loss} SOURCE cpu/loops/row.c DEFINES KIN_LOSS_ID=${loss}
            FLAGS ${KIN_SUM_FLAGS} -ffinite-math-only)
endforeach()
