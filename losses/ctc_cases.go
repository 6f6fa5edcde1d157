package losses

func ctcCases() []Case { return nil }
