"""The predictor that all contenders call: real Triton where it can run, else predictor-mock; one model for both."""
