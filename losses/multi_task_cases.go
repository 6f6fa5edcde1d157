package losses

func multiTaskCases() []Case { return nil }
